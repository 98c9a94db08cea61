"""Whose statements are whose: the Data API goes by the IAM role, not by the session in which it was assumed."""

from __future__ import annotations


def role_of(principal: str) -> str:
    """`principal` without its session, if it is an assumed role's ARN."""
    service, separator, rest = principal.partition(":assumed-role/")
    return f"{service}{separator}{rest.partition('/')[0]}" if separator else principal


def user_of(principal: str) -> str:
    """The database user of a principal: `IAMR:` and the role's name for a role."""
    _, separator, role = role_of(principal).partition(":assumed-role/")
    return f"IAMR:{role if separator else principal}"


def same_role(one: str, other: str) -> bool:
    """Whether two principals may see each other's statements."""
    return role_of(one) == role_of(other)
