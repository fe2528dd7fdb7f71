"""Reports: the page of a job, the page of a study, and the headline on the terminal."""
