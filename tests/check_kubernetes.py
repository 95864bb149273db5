"""check_kubernetes.py FILE... - manifests are YAML, and their parts refer to each other by names that are there."""
import sys
import yaml

ALLOWED = {"Deployment", "StatefulSet", "Service"}
documents = []
for path in sys.argv[1:]:
    with open(path) as f:
        documents += [(path, d) for d in yaml.safe_load_all(f)]


def check(good, path, words):
    if not good:
        print(f"{path}: {words}")
        sys.exit(1)


services = {}
pods = {}
for path, d in documents:
    if path.endswith("gpu.yaml"):  # a patch of the Deployment
        container = d["spec"]["template"]["spec"]["containers"][0]
        check(container["name"] == "wkv", path, "patches no container of the Deployment")
        check(container["resources"]["limits"]["nvidia.com/gpu"] == 1, path, "asks for no GPU")
        continue
    check(d["kind"] in ALLOWED and d["apiVersion"] in ("v1", "apps/v1"), path, f"has the kind {d.get('kind')}")
    name = d["metadata"]["name"]
    if d["kind"] == "Service":
        services[name] = d["spec"]
        continue
    pod = d["spec"]["template"]
    check(d["spec"]["selector"]["matchLabels"].items() <= pod["metadata"]["labels"].items(), path, "selects no pod")
    pods[name] = pod
    volumes = {v["name"] for v in pod["spec"].get("volumes", []) + [c["metadata"] for c in d["spec"].get("volumeClaimTemplates", [])]}
    for c in pod["spec"]["containers"]:
        ports = {p["name"] for p in c["ports"]}
        for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
            how = c.get(probe, {})
            target = how.get("httpGet", how.get("tcpSocket"))
            check(target is None or target["port"] in ports, path, f"{probe} asks at a port that is not there")
        check({m["name"] for m in c.get("volumeMounts", [])} <= volumes, path, "mounts a volume that is not there")
        check(all("valueFrom" in e or "value" in e for e in c.get("env", [])), path, "has a variable without a value")

for name, s in services.items():
    found = [p for p in pods.values() if s["selector"].items() <= p["metadata"]["labels"].items()]
    check(len(found) == 1, name, f"the Service selects {len(found)} kinds of pods")
    ports = {p["name"]: p["containerPort"] for c in found[0]["spec"]["containers"] for p in c["ports"]}
    check(all(p["targetPort"] in ports for p in s["ports"]), name, "the Service leads to a port that is not there")

wkv = pods["wkv"]
notes = wkv["metadata"]["annotations"]
port = wkv["spec"]["containers"][0]["ports"][0]["containerPort"]
check(notes["prometheus.io/port"] == str(port), "wkv", "Prometheus asks at another port than the server's")
check(all(isinstance(v, str) for v in notes.values()), "wkv", "an annotation is no text")
check(wkv["spec"]["containers"][0]["livenessProbe"]["httpGet"]["path"] == "/health", "wkv", "is asked elsewhere")
