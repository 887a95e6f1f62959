"""How the documentation is built: ``make docs``; no network is needed."""

import sys
from pathlib import Path

import carbonflows

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE / "_ext"))  # gallery_figures

project = "carbonflows"
author = "The carbonflows developers"
copyright = "The carbonflows developers, BSD-3-Clause"
version = release = carbonflows.__version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "numpydoc",
    "myst_parser",
    "sphinx_gallery.gen_gallery",
]
source_suffix = {".rst": "restructuredtext", ".md": "markdown"}
exclude_patterns = ["_build", "gallery/*.md5", "gallery/*.ipynb", "sg_execution_times.rst"]
templates_path = ["_templates"]
default_role = "py:obj"  # `name` in docstrings links where there is something to link to

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3

autosummary_generate = True
autodoc_typehints_format = "short"
python_use_unqualified_type_names = True
add_module_names = False
autodoc_member_order = "bysource"
numpydoc_show_class_members = False
numpydoc_xref_param_type = False

sphinx_gallery_conf = {
    "examples_dirs": str(HERE.parent / "examples"),
    "gallery_dirs": "gallery",
    "filename_pattern": r"/plot_",
    "image_scrapers": ("matplotlib", "gallery_figures.carbonflows_figures"),
    "within_subsection_order": "FileNameSortKey",
    "download_all_examples": False,
    "image_srcset": ["2x"],
    "show_memory": False,
    "min_reported_time": 60,
    "abort_on_example_error": True,
    "remove_config_comments": True,
    "write_computation_times": False,
}

html_theme = "furo"
html_title = f"carbonflows {release}"
html_static_path = ["_static"]
html_css_files = ["custom.css"]
html_show_sphinx = False
html_copy_source = False
