"""The options that several verbs share, each declared once."""

from pathlib import Path
from typing import Annotated

import typer

INPUTS, ENGINE, MACHINE, SERVICE = "Inputs", "Engine", "Machine", "Service"

Model = Annotated[
    str | None, typer.Option("--model", "-m", help="An installed model: see `oasis models`.", rich_help_panel=INPUTS)
]
Mdk = Annotated[
    Path | None,
    typer.Option(
        help="A reference toolkit configuration (oasislmf.json); other inputs override its own.", rich_help_panel=INPUTS
    ),
]
Location = Annotated[
    str | None,
    typer.Option("--location", "-l", help="OED location file (csv, parquet; gz, zip).", rich_help_panel=INPUTS),
]
Account = Annotated[str | None, typer.Option("--account", "-a", help="OED account file.", rich_help_panel=INPUTS)]
RiInfo = Annotated[str | None, typer.Option("--ri-info", help="OED reinsurance info file.", rich_help_panel=INPUTS)]
RiScope = Annotated[str | None, typer.Option("--ri-scope", help="OED reinsurance scope file.", rich_help_panel=INPUTS)]
Settings = Annotated[
    Path | None,
    typer.Option(
        "--settings", "-s", help="analysis_settings.json; without it, the standard tables.", rich_help_panel=INPUTS
    ),
]
Currency = Annotated[
    str | None,
    typer.Option("--reporting-currency", help="Convert every amount to this currency.", rich_help_panel=INPUTS),
]
Rates = Annotated[
    Path | None,
    typer.Option("--rates", help="Rates of exchange: csv of cur_from, cur_to, roe.", rich_help_panel=INPUTS),
]
Samples = Annotated[
    int | None,
    typer.Option("--samples", "-n", min=0, help="Samples per event; overrides the settings.", rich_help_panel=ENGINE),
]
EngineOption = Annotated[
    list[str] | None,
    typer.Option(
        "--option",
        "-o",
        metavar="NAME=VALUE",
        rich_help_panel=ENGINE,
        help="An engine option under the reference toolkit's name, e.g. kernel_alloc_rule_gul=1.",
    ),
]
Compatible = Annotated[
    bool,
    typer.Option(
        "--compatible",
        help="Reproduce the reference's defects in terms, reinsurance and tables; see the page on differences.",
        rich_help_panel=ENGINE,
    ),
]
Workers = Annotated[
    int | None, typer.Option(min=1, help="Threads; default: every usable core.", rich_help_panel=MACHINE)
]
Memory = Annotated[
    float | None,
    typer.Option(min=0.1, help="GiB the run may use; default: half of what there is.", rich_help_panel=MACHINE),
]
Chunks = Annotated[
    int | None,
    typer.Option(min=1, help="Cut the events into so many chunks; default: by work.", rich_help_panel=MACHINE),
]
Ray = Annotated[
    str | None,
    typer.Option(
        metavar="ADDRESS|local",
        help="Compute chunks on a Ray cluster: that of the head at HOST:PORT, or one on this machine.",
        rich_help_panel=MACHINE,
    ),
]
RayThreads = Annotated[
    int,
    typer.Option(
        min=1, help="With --ray: chunks at once in one worker process, sharing its data.", rich_help_panel=MACHINE
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for a machine instead of text.")]
Host = Annotated[
    str | None,
    typer.Option(
        "--host",
        metavar="URL",
        help="Ask the service at this address instead of computing here; also OASIS_HOST, or `oasis --host URL VERB`.",
        rich_help_panel=SERVICE,
    ),
]
Detach = Annotated[
    bool,
    typer.Option("--detach", help="Do not wait: the run goes on in the service.", rich_help_panel=SERVICE),
]
