"""Files land in S3, rows appear in Redshift.

In a function, the layers were built for one Python version and one architecture; importing from them on another fails
with misleading errors. So this is checked first.
"""

from headrace.built_for import check_layers

check_layers()
