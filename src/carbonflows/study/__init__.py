"""Studies as files: read one, run it, get its tables, figures and report."""

from carbonflows.study.pipeline import StudyResult, run
from carbonflows.study.spec import Study, load_study, studies

__all__ = ["Study", "StudyResult", "load_study", "run", "studies"]
