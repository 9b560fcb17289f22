"""Runs the reference's financial module on folders of cases. Not imported: executed by the reference's own Python.

``python fm_reference.py FOLDER``: each case folder holds fm_*.bin, items.bin, coverages.bin, losses.bin; the folder's
name ends in the allocation rule. Writes gross.bin and, unless the rule is 0, net.bin beside them.
"""

import logging
import sys
from pathlib import Path

from oasislmf.pytools.fm.financial_structure import create_financial_structure
from oasislmf.pytools.fm.manager import run


def main(root: Path) -> None:
    logging.disable(logging.CRITICAL)
    for folder in sorted(path for path in root.iterdir() if path.is_dir()):
        rule = int(folder.name[-1])
        create_financial_structure(rule, str(folder))
        streams = {"gross.bin": None} | ({"net.bin": ""} if rule else {})
        for name, net in streams.items():
            run(
                create_financial_structure_files=False,
                allocation_rule=rule,
                static_path=str(folder),
                files_in=[str(folder / "losses.bin")],
                files_out=[str(folder / name)],
                low_memory=False,
                net_loss=net,
                sort_output=False,
                storage_method="sparse",
            )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
