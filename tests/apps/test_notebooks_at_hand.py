"""A person's own server: JupyterLab opens, asks nothing of other machines, and reaches the service as that person."""

CODE = """
import oasis_kernel as ok
bench = ok.connect()
print(bench.about()["user"]["name"], sorted(bench.models()))
"""
# A kernel of the server, asked over its websocket as JupyterLab does.
RUN = """async code => {
    const base = JSON.parse(document.getElementById("jupyter-config-data").textContent).baseUrl;
    const xsrf = document.cookie.match(/_xsrf=([^;]+)/)[1];
    const headers = {"X-XSRFToken": decodeURIComponent(xsrf), "Content-Type": "application/json"};
    const kernel = await (await fetch(`${base}api/kernels`, {method: "POST", headers, body: "{}"})).json();
    const socket = new WebSocket(`ws://${location.host}${base}api/kernels/${kernel.id}/channels`);
    await new Promise(resolve => socket.onopen = resolve);
    const id = crypto.randomUUID();
    const header = {msg_id: id, msg_type: "execute_request", session: id, username: "", version: "5.3"};
    const content = {code, silent: false, store_history: false, user_expressions: {}, allow_stdin: false};
    let said = "";
    const done = new Promise(resolve => socket.onmessage = event => {
        const {msg_type, content, parent_header} = JSON.parse(event.data);
        if (parent_header.msg_id !== id) return;
        if (msg_type === "stream") said += content.text;
        if (msg_type === "error") said += content.traceback.join("\\n");
        if (msg_type === "status" && content.execution_state === "idle") resolve(said);
    });
    socket.send(JSON.stringify({header, parent_header: {}, metadata: {}, content, channel: "shell", buffers: []}));
    return await done;
}"""


def test_jupyterlab_opens_and_its_kernels_reach_the_service_as_their_person(person):
    lou = person("lou", "flood")
    lou.log_in()
    lou.start_server()
    lou.page.locator(".jp-Launcher").first.wait_for()
    lou.photograph("jupyterlab")
    assert lou.page.get_by_text("Would you like to get notified about official Jupyter news?").count() == 0
    said = lou.page.evaluate(RUN, CODE)
    assert said.startswith("lou ["), said
    assert "toy-wind" in said
