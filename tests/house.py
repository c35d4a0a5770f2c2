"""What the tests of the house share: which files there are, and what in them is code."""

import ast
import io
import subprocess
import tokenize
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = (ROOT / "raftlock", ROOT / "widgets" / "raftlock_widgets")

_LAYOUT = {
    tokenize.COMMENT,
    tokenize.DEDENT,
    tokenize.ENCODING,
    tokenize.ENDMARKER,
    tokenize.INDENT,
    tokenize.NEWLINE,
    tokenize.NL,
}


@cache
def project_files() -> tuple[Path, ...]:
    """Every file of the project: those git knows, and those it would know after `git add`."""
    listing = git("ls-files", "-z", "--cached", "--others", "--exclude-standard")
    paths = sorted({ROOT / name for name in listing.split("\0") if name})
    return tuple(path for path in paths if path.is_file())


def git(*arguments: str) -> str:
    # safe.directory: the checkout may belong to another user, as in a container.
    command = ["git", "-c", f"safe.directory={ROOT}", *arguments]
    return subprocess.run(command, check=True, cwd=ROOT, capture_output=True, text=True).stdout


def python_files(*folders: Path) -> list[Path]:
    return [path for folder in folders for path in sorted(folder.rglob("*.py"))]


def named(path: Path) -> str:
    """The path as a reader writes it: from the top of the project, with slashes."""
    return path.relative_to(ROOT).as_posix()


def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def code_lines(path: Path) -> set[int]:
    """The numbers of the lines that hold code: no blank lines, no comments, no docstrings."""
    source = path.read_text(encoding="utf-8")
    lines: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type not in _LAYOUT:
            lines.update(range(token.start[0], token.end[0] + 1))
    for node in ast.walk(ast.parse(source)):
        docstring = _docstring(node)
        if docstring is not None:
            lines.difference_update(range(docstring.lineno, (docstring.end_lineno or 0) + 1))
    return lines


def _docstring(node: ast.AST) -> ast.Expr | None:
    documented = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
    if not isinstance(node, documented) or not node.body:
        return None
    match node.body[0]:
        case ast.Expr(value=ast.Constant(value=str())) as docstring:
            return docstring
    return None
