"""Writes vowpal-wabbit.json: what Vowpal Wabbit itself says of the .vw files here. Needs `pip install vowpalwabbit`."""
import json
import os
import tempfile

import vowpalwabbit

FOLDER = os.path.dirname(os.path.abspath(__file__))
RUNS = {
    "plain.vw": [
        "", "-l 0.1", "--power_t 0.3", "--initial_t 3", "--l1 0.0001", "--l2 0.0001",
        "--l1 0.00001 --l2 0.001 --power_t 0.45", "-q ab", "-q :: -b 12", "-q a: -b 6", "--noconstant", "-t",
    ],
    # --squarecb is not here: VW's last action keeps a weight of 1/p.
    "decisions.vw": [
        "--cb_explore_adf", "--cb_explore_adf --first 20", "--cb_explore_adf --first 20 --epsilon 0.1",
        "--cb_explore_adf --epsilon 0.2 -q UA", "--cb_explore_adf --softmax --lambda 3",
        "--cb_explore_adf --softmax --epsilon 0.1", "--cb_explore_adf --cb_type ips",
        "--cb_explore_adf --cb_type dm", "--cb_explore_adf --cb_type dr -q :: -b 12",
        "--cb_adf", "--cb_adf --cb_type ips", "--cb_adf --cb_type dr -q UA", "--cb_adf -t",
    ],
    # Every line has every namespace: of one that is missing VW multiplies what the line before had. And no number has
    # zeros at its end: VW reads 1.00000 as a number next to 1.
    "cb.vw": [
        "--cb 4", "--cb 4 --cb_type ips", "--cb 4 --cb_type dm", "--cb 4 --cb_type dr -q UO -b 12", "--cb 4 -t",
        "--cb 7 -q UU --noconstant", "--cb_explore 4", "--cb_explore 4 --first 20",
        "--cb_explore 4 --first 20 --epsilon 0.1 --cb_type ips", "--cb_explore 4 --epsilon 0.2 -q ::",
        "--cb_explore 4 --softmax --lambda 3", "--cb_explore 5 --l1 0.0001 --power_t 0.3 -l 0.2",
        "--cb_explore 4 --cb_type dr",
        # --first is not among these: VW counts each example twice.
        "--cb 4 --cb_force_legacy", "--cb 7 --cb_force_legacy -q :: -b 16", "--cb 4 --cb_force_legacy --cb_type ips -t",
        "--cb_explore 4 --cb_force_legacy", "--cb_explore 4 --cb_force_legacy --cb_type ips --epsilon 0.2",
        "--cb_explore 5 --cb_force_legacy --cb_type dm -q UO",
        "--cb_explore 4 --cb_force_legacy --l1 0.0001 --power_t 0.3 -l 0.2",
    ],
}


def run(name, options):
    with tempfile.TemporaryDirectory() as folder:
        predictions = os.path.join(folder, "predictions")
        arguments = "-d %s %s -p %s --quiet" % (os.path.join(FOLDER, name), options, predictions)
        workspace = vowpalwabbit.Workspace(arguments)
        workspace.finish()
        with open(predictions) as file:
            return {"file": name, "options": options, "predictions": file.read()}


with open(os.path.join(FOLDER, "vowpal-wabbit.json"), "w") as file:
    runs = [run(name, options) for name, each in RUNS.items() for options in each]
    json.dump({"version": vowpalwabbit.__version__, "runs": runs}, file, indent=1)
    file.write("\n")
