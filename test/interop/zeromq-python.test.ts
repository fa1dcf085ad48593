import { describeWith, missingPython, PYTHON, ROOT } from '../support/languages.js';
import { describeClient } from './client-suite.js';
import { Probe } from './probe-process.js';

describeWith('the ZeroMQ link in Python', missingPython(), () => {
  describeClient({
    language: 'Python',
    writesFloats: true,
    start: () => new Probe(PYTHON, `${ROOT}/test/interop/probe.py`),
  });
});
