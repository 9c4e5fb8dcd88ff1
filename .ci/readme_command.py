"""Print the one-line command that the README marks with `<!-- command: NAME -->`. Usage: readme_command.py README NAME."""

import sys
from pathlib import Path


def command_of(text: str, name: str) -> str:
    """Find the command in the code block that follows its mark. ValueError unless there is one mark and one line."""
    mark = f"<!-- command: {name} -->"
    lines = text.splitlines()
    if lines.count(mark) != 1:
        raise ValueError(f"there must be one line {mark!r}, there are {lines.count(mark)}")
    block = lines[lines.index(mark) + 1 :]
    if not block or block[0] != "```sh" or "```" not in block:
        raise ValueError(f"a block of sh must follow {mark!r}")
    command = block[1 : block.index("```")]
    if len(command) != 1 or not command[0].strip():
        raise ValueError(f"the block after {mark!r} must be one line, not {len(command)}")
    return command[0]


def main() -> None:
    """Read the README and print the command, or end with what is wrong."""
    try:
        print(command_of(Path(sys.argv[1]).read_text(encoding="utf-8"), sys.argv[2]))
    except ValueError as error:
        sys.exit(f"{sys.argv[1]}: {error}")


if __name__ == "__main__":
    main()
