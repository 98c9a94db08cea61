"""Files land in S3, rows appear in Redshift.

In a function, its layers were made for one Python on one processor; importing anything of them elsewhere fails in ways
that do not say so. So that is looked at before anything else.
"""

from headrace.built_for import check_layers

check_layers()
