"""How panels look, in a notebook as in a page.

Colours have at least 4.5:1 contrast on what they stand on, and never speak alone: each mark has its word.
"""

STYLE = """<style>
.oasis-page, .oasis-panel {--jp-widgets-font-size: 14px; --jp-widgets-inline-height: 32px;
  --jp-widgets-input-border-color: #767d86; --jp-widgets-input-focus-border-color: #1f4e79; color: #1b1f24}
.oasis-page {overflow: visible; counter-reset: step}
.oasis-page > * {margin: 0}
.oasis-panel {background: #fff; border: 1px solid #c8cdd3; border-radius: 6px; padding: .4em 1.1em .8em;
  overflow: visible}
.oasis-page > .oasis-panel {margin: 0 0 1em}
.oasis-steps > .oasis-panel > :first-child h2::before {counter-increment: step; content: counter(step) ". "}
.oasis-page h1 {font-size: 1.7em; line-height: 1.25; margin: .3em 0 .2em}
.oasis-panel h2 {font-size: 1.25em; margin: .5em 0 .4em; color: #143553}
.oasis-panel h3 {font-size: 1.08em; margin: .7em 0 .2em}
.oasis-page p, .oasis-panel p {margin: .35em 0; line-height: 1.45}
.oasis-panel .widget-html-content, .oasis-panel .widget-html {line-height: 1.45; overflow: visible; height: auto}
.oasis-panel table {border-collapse: collapse; margin: .4em 0; font-variant-numeric: tabular-nums}
.oasis-panel caption {text-align: left; font-weight: 600; padding: .3em 0}
.oasis-panel th, .oasis-panel td {border-bottom: 1px solid #d9dde2; padding: .3em .8em; line-height: 1.4;
  text-align: left; vertical-align: top}
.oasis-panel td:first-child {min-width: 8em}
.oasis-panel thead th {background: #f0f3f6; white-space: nowrap}
.oasis-panel tbody tr:hover {background: #f7f9fb}
.oasis-panel table td.number, .oasis-panel table th.number {text-align: right; white-space: nowrap}
.oasis-page .error, .oasis-panel .error {color: #a4161a}
.oasis-page .warning, .oasis-panel .warning {color: #7a4b00}
.oasis-panel .note {color: #1f4e79}
.oasis-panel .scroll {overflow-x: auto; max-width: 100%}
.oasis-panel progress {height: 1.1em; accent-color: #1f4e79}
.oasis-panel :focus-visible, .oasis-page :focus-visible {outline: 3px solid #1f4e79 !important; outline-offset: 2px}
.oasis-panel .jupyter-button {border-radius: 4px; font-weight: 500; padding: 0 1em; color: #1b1f24; background: #e6eaee}
.oasis-panel .jupyter-button.mod-primary {background: #1f4e79; color: #fff}
.oasis-panel .jupyter-button.mod-warning {background: #8a5300; color: #fff}
.oasis-panel .jupyter-button.mod-danger {background: #a4161a; color: #fff}
.oasis-panel .jupyter-button.mod-active {background: #c9d6e2}
.oasis-panel .jupyter-button:disabled {background: #eef0f2; color: #6b7280; opacity: 1}
.oasis-panel .jupyter-button.oasis-quiet {background: none; color: #1f4e79; text-decoration: underline; padding: 0 .2em;
  margin-top: .6em}
.oasis-panel input::placeholder {color: #5f6672}
.oasis-panel .oasis-beside > * {flex: 1 1 22em; min-width: min(100%, 20em)}
.oasis-panel .oasis-choices > * {width: auto; min-width: 15em; margin-right: 1em}
.oasis-panel .oasis-code {background: #f4f6f8; border: 1px solid #d9dde2; border-radius: 4px; padding: .7em 1em;
  margin: .4em 0; overflow-x: auto; white-space: pre; font: 13px/1.5 ui-monospace, Menlo, monospace; color: #1b1f24}
.oasis-panel .oasis-copy {font: inherit; padding: .2em .9em; border: 1px solid #767d86; border-radius: 4px;
  background: #fff; color: #1b1f24; cursor: pointer}
.oasis-panel .oasis-said {margin-left: .8em}
.oasis-panel .bqplot {position: relative; height: 28em; width: 100%; min-width: 0; overflow: hidden}
.oasis-panel .bqplot svg {overflow: hidden}
.oasis-panel .mainheading {font-size: 1.05em; font-weight: 600}
.oasis-panel .bqplot text {fill: #1b1f24}
.oasis-panel .lm-TabBar-tabLabel {color: #3d444d}
.oasis-panel .lm-mod-current .lm-TabBar-tabLabel {color: #1b1f24; font-weight: 600}
.oasis-panel .chunks {letter-spacing: .15em; overflow-wrap: anywhere; line-height: 1.5; max-height: 9em;
  overflow-y: auto}
.oasis-page .jupyter-widgets-disconnected::before {content: none}
</style>"""
