"""A job that writes several files into a folder, and its marker last, as Spark does."""

from __future__ import annotations

from tests.e2e.conftest import Laptop

FOLDER = "parts/dt=2026-03-01"
ROWS = "SELECT meter, value FROM public.parts ORDER BY 1"


def test_a_folder_is_loaded_when_its_marker_is_there_and_replaced_when_it_is_written_again(laptop: Laptop) -> None:
    for number in range(2):
        laptop.put(f"{FOLDER}/part-{number}-7af1.csv", f"meter,value\nm{number},{number}\n".encode())
    laptop.settle()
    (waiting, _) = laptop.headrace("files", "parts", "--waiting")["files"]
    assert waiting["reason"] == "it waits for its marker (_SUCCESS)"
    assert laptop.rows(ROWS) == []
    laptop.put(f"{FOLDER}/_SUCCESS", b"")
    laptop.settle()
    story = laptop.trace(f"{FOLDER}/_SUCCESS")
    assert (story["status"], story["members"], story["rows"]["loaded"]) == ("loaded", 2, 2)
    member = laptop.trace(f"{FOLDER}/part-0-7af1.csv")
    assert (member["status"], member["group"]) == ("grouped", story["file_id"])
    for number in range(2):
        laptop.client("s3").delete_object(Bucket=laptop.output("LandingBucket"), Key=f"{FOLDER}/part-{number}-7af1.csv")
    laptop.put(f"{FOLDER}/part-0-b2c9.csv", b"meter,value\nm0,7\nm3,3\n")
    laptop.put(f"{FOLDER}/_SUCCESS", b"")
    laptop.settle()
    assert laptop.rows(ROWS) == [["m0", 7], ["m3", 3]]
    assert laptop.headrace("files", "parts", "--waiting")["files"] == []
