"""How the documentation is built: ``make docs``. Every warning, such as a broken link, fails it."""

import edgevid

project = "edgevid"
author = "the edgevid authors"
release = edgevid.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
html_theme = "furo"
html_title = f"edgevid {release}"
html_show_copyright = False
html_copy_source = False
templates_path: list[str] = []

myst_heading_anchors = 3  # links to headings are checked, as on GitHub

autodoc_typehints = "description"
autodoc_typehints_description_target = "documented"
autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
# The public names are documented as ``edgevid.NAME``, wherever they are defined.
autodoc_type_aliases = {name: f"edgevid.{name}" for name in edgevid.__all__}
# A reference to a public name that does not exist fails, too. Python's and numpy's own names are
# not looked up, which would need a network, nor are the types of inner modules.
nitpicky = True
nitpick_ignore_regex = [(r"py:.*", r"(?!edgevid\.\w+$).*")]

napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_ivar = True
