"""A page that shows a run while it goes on, with buttons; needs `jaxtal[monitor]`.

    with monitor.PhasingMonitor() as shown:                  # opens a browser, or shows in the cell
        found = jxt.phase(
            reflections, starts=20, control=shown.control, observers=shown.observers
        )

    with monitor.SolutionMonitor() as shown:
        found = jxt.solve(table, progress=shown.said, on_chunk=shown.take)

    with monitor.ReconstructionMonitor() as shown:
        found = jxt.reconstruct.from_descriptor(target, like, on_chunk=shown.take)

    with monitor.CompositionMonitor() as shown:
        found = jxt.reconstruct.from_composition(target, "TiO2", on_chunk=shown.take)

`jaxtal phase|solve|reconstruct ... --monitor` does the same. The page is served by this process on
127.0.0.1, below a random token, with all its scripts; nothing comes from a network. Where the
browser is on another machine, forward the port: `ssh -L 8080:127.0.0.1:8080 host` and `--port
8080`.

The run hands over references and goes on; a thread looks at them while a page is open, for 2.5 %
of the time by default (`share`), and a page gets its next picture when it has drawn the last.
Closed tabs, second ones, slow browsers and an end of the server do not touch the run. When it has
ended, pages that are open are waited for until they have the last picture, a minute at most. The
results are the same bits with and without, unless a number is changed on the page, which the result
remembers (`Phasing.changes`, the log of `solve`).

`pause` holds a run after the present chunk, `step` lets one more through, `stop` ends it as Ctrl-C
does, `save` writes curves (.csv), amplitudes (.npz) or the best crystal (.cif), and the page
(.html, to be opened without a server).

A name is imported when it is first used (`__init__.pyi` lists them).
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
