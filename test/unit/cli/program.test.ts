import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { Command } from 'commander';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { commands, run } from '../../../src/cli/program.js';
import {
  ExitCode,
  integerArgument,
  numberArgument,
  printJson,
  readParameters,
  UsageError,
} from '../../../src/cli/usage.js';
import { ParameterError } from '../../../src/parameters/parameter-error.js';
import { packageRoot } from '../../../src/parameters/presets.js';
import { PolicyConfigError } from '../../../src/policy/policy.js';
import { RewardExpressionError } from '../../../src/reward/reward-compiler.js';
import { captureOutput } from '../../support/command-line.js';

const written = captureOutput();

afterEach(() => {
  vi.unstubAllEnvs();
});

describe('rfsn', () => {
  it('lists every command in its help, and exits 0', async () => {
    expect(await run(['--help'])).toBe(ExitCode.done);
    for (const { name } of commands) expect(written.out).toMatch(new RegExp(`^  ${name}\\b`, 'm'));
    expect(written.out).toContain('Exit codes: 0 done, 1 could not do its work, 2 bad usage or configuration.');
  });

  it.each(commands.map(({ name, summary, load }) => ({ name, summary, load })))(
    'shows the same summary for $name as its module does',
    async ({ name, summary, load }) => {
      const program = new Command();
      (await load())(program);
      expect(program.commands.map((command) => [command.name(), command.description()])).toEqual([[name, summary]]);
    },
  );

  it('prints its version', async () => {
    expect(await run(['--version'])).toBe(ExitCode.done);
    expect(written.out).toMatch(/^\d+\.\d+\.\d+\n$/);
  });

  it.each([
    [[], 'Usage: rfsn'],
    [['nonsense'], "unknown command 'nonsense'"],
    [['doctor', '--nonsense'], "unknown option '--nonsense'"],
    [['doctor', 'one-too-many'], 'too many arguments'],
    [['parameters', '--set', 'epsilon'], 'Write it as name=value.'],
    [['parameters', '--set', '=1'], 'Write it as name=value.'],
    [['parameters', '--params'], 'argument missing'],
    [['parameters', '--set', 'epsilon=3'], 'rfsn: epsilon: 3 is not allowed; allowed: a number from 0 to 1\n'],
    [['parameters', '--set', 'epsilom=3'], 'did you mean epsilon?'],
    [['parameters', '--params', '/no/such.yaml'], 'rfsn: /no/such.yaml: cannot read the parameter file: ENOENT'],
  ])('exits 2 and says why on %j', async (args, message) => {
    expect(await run(args)).toBe(ExitCode.usage);
    expect(written.err).toContain(message);
    expect(written.out).toBe('');
  });

  it('shows where an error came from only when asked to', async () => {
    await run(['parameters', '--set', 'epsilon=3']);
    expect(written.err).not.toContain('    at ');
    await run(['parameters', '--set', 'epsilon=3', '--verbose']);
    expect(written.err).toContain('    at ');
    written.err = '';
    vi.stubEnv('RFSN_DEBUG', '1');
    await run(['parameters', '--set', 'epsilon=3']);
    expect(written.err).toContain('    at ');
  });

  it('exits 1 when a command could not do its work', async () => {
    vi.mocked(process.stdout.write).mockImplementation(() => {
      throw new Error('the disk is full');
    });
    expect(await run(['doctor', '--json'])).toBe(ExitCode.failed);
    expect(written.err).toBe('rfsn: the disk is full\n');
  });

  it('gives doctor’s findings in both forms', async () => {
    expect(await run(['doctor'])).toBe(ExitCode.done);
    expect(written.out).toContain(`node               ${process.versions.node}`);
    written.out = '';
    expect(await run(['doctor', '--json'])).toBe(ExitCode.done);
    expect(written.lastJson()).toMatchObject({ ok: true, node: { state: 'ok' } });
  });

  it('shows the parameters that files and --set amount to', async () => {
    const args = [
      'parameters',
      '--params',
      'config/production.yaml',
      '--set',
      'epsilon=0.5',
      '--set',
      'reward.expression=a=b',
    ];
    expect(await run([...args, '--json'])).toBe(ExitCode.done);
    expect(written.lastJson()).toMatchObject({
      learning_rate: 0.05,
      epsilon: 0.5,
      bits: 20,
      'reward.expression': 'a=b',
    });
    written.out = '';
    expect(await run(args)).toBe(ExitCode.done);
    expect(written.out).toContain('learning_rate: 0.05\n');
  });
});

describe('errors of usage and configuration', () => {
  it.each([
    ['UsageError', () => new UsageError('x')],
    ['ParameterError', () => new ParameterError('epsilon', 'x')],
    ['PolicyConfigError', () => new PolicyConfigError('epsilon', 'x')],
    ['RewardExpressionError', () => new RewardExpressionError('syntax', 'x')],
  ])('exit 2 when a command throws %s, which program.ts knows by that name', async (_name, make) => {
    vi.mocked(process.stdout.write).mockImplementation(() => {
      throw make();
    });
    expect(await run(['doctor', '--json'])).toBe(ExitCode.usage);
    expect(written.err).toContain('x\n');
  });
});

describe('the compiled command', () => {
  const main = join(packageRoot(), 'dist', 'src', 'cli', 'main.js');
  const start = (...args: string[]) => spawnSync(main, args, { encoding: 'utf8' });

  it('starts by itself, and its exit code says what happened', () => {
    expect(start('--version')).toMatchObject({ status: 0, stderr: '' });
    expect(start('nonsense')).toMatchObject({ status: 2, stdout: '' });
    const json = start('parameters', '--json');
    expect(json.status).toBe(0);
    expect(JSON.parse(json.stdout)).toMatchObject({ controller_frequency: 50 });
  });

  it('ends quietly when the reader of its output has gone', () => {
    // `true` ends before Node has even started, so that the very first write meets a closed pipe.
    const script = `'${main}' parameters | true; exit "\${PIPESTATUS[0]}"`;
    expect(spawnSync('bash', ['-c', script], { encoding: 'utf8' })).toMatchObject({ status: 0, stderr: '' });
  });
});

describe('what commands share', () => {
  it('puts figures on one line of JSON, whatever kind of number they are', () => {
    printJson({ cycles: 12n, text: 'two\nlines', score: Number.NaN, absent: null });
    expect(written.out).toBe('{"cycles":12,"text":"two\\nlines","score":null,"absent":null}\n');
  });

  it('reads numbers within their bounds and nothing else', () => {
    expect(integerArgument(0, 10)('10')).toBe(10);
    for (const bad of ['', '11', '-1', '1.5', '1e1', 'ten', ' 1'])
      expect(() => integerArgument(0, 10)(bad)).toThrow('0 to 10');
    expect(numberArgument(0, 1)('2.5e-1')).toBe(0.25);
    for (const bad of ['', ' ', '1.01', 'NaN', 'Infinity', 'x'])
      expect(() => numberArgument(0, 1)(bad)).toThrow('0 to 1');
  });

  it('lets a command’s own flags win over --set, and leaves out those not given', () => {
    const values = readParameters(
      { params: [], set: { random_seed: '7', bits: '10' } },
      { random_seed: 8, bits: undefined },
    );
    expect(values.random_seed).toBe(8);
    expect(values.bits).toBe(10);
  });
});
