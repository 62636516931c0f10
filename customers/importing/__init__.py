"""
Imports of files of any size: look, try out, run, undo.

    dialect = detect(path)                      what kind of file it is, with a sample and a likely layout
    row = create(source=..., path=..., ...)     a DRAFT; or chunks= of an upload
    configure(row, layout=..., settings=...)    how it is to be understood
    dry_run(row, now=...)                       what would happen, kept as row.dry_run
    run(row, now=...)                           all of it or nothing; or queue(row) for a worker
    rejected_csv(row)                           what was refused, for download
    undo(row, now=...)                          take it back; or ask(row) for a worker to do it

`settings` of an import: delimiter, encoding (where the guess was wrong), mapping (generic), and
demonstration (make up consents, and say so).
"""
