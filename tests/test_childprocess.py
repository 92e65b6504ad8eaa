"""Processes that are spawned without the program's main module."""

import subprocess
import sys
import textwrap


def _said(tmp_path, target: str, given: str) -> list[str]:
    """What a program prints, and its child: a main module that says when it is imported."""
    program = tmp_path / "program.py"
    program.write_text(
        textwrap.dedent(f"""
        import multiprocessing, os, sys
        from nav.core.childprocess import start_process

        class Own:
            pass

        print("imported as", __name__, flush=True)
        if __name__ == "__main__":
            context = multiprocessing.get_context("spawn")
            process = context.Process(target={target}, args=({given},))
            start_process(process, {given})
            process.join()
            print(process.exitcode, sys.modules["__main__"].__name__, "Own" in globals())
        """)
    )
    done = subprocess.run(
        [sys.executable, str(program)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_the_main_module_is_not_imported_again(tmp_path):
    assert _said(tmp_path, "print", "'done'") == ["imported as __main__", "done", "0 __main__ True"]


def test_what_the_main_module_made_is_found_in_the_child(tmp_path):
    said = _said(tmp_path, "isinstance", "Own(), Own")
    assert said == ["imported as __main__", "imported as __mp_main__", "0 __main__ True"]
