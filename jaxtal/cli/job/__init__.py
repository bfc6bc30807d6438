"""Jobs of `jaxtal phase`: TOML files, checked as a whole before anything is run.

A key is said once, in the table that has it: its type, default and meaning. Errors, the list of
keys below each example and what a run gets come from there.
"""

from ._examples import Demo as Demo
from ._examples import Example as Example
from ._examples import demo_text as demo_text
from ._examples import example_text as example_text
from ._files import save_grid as save_grid
from ._files import write_results as write_results
from ._read import Job as Job
from ._read import read_job as read_job
from ._read import read_job_file as read_job_file
from ._report import Report as Report
from ._values import recipe_names as recipe_names
