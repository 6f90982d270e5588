"""Sources that are folders of files: archives of events, exports of other tools."""
