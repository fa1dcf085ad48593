import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../../..', import.meta.url));

/** Runs an example as a reader would: from the checkout, against the built package. */
function run(example: string, ...args: string[]): { status: number | null; stdout: string; stderr: string } {
  expect(existsSync(`${root}/dist/src/index.js`), 'examples import the built package: npm run build').toBe(true);
  return spawnSync(process.execPath, [`examples/${example}`, ...args], {
    cwd: root,
    encoding: 'utf8',
    timeout: 50_000,
  });
}

describe('the examples', () => {
  it('repair code better than uniform choice, with the strategy that fits each failure', () => {
    const { status, stdout, stderr } = run('code-repair.mjs', '20000', '5');
    expect(stderr).toBe('');
    expect(stdout).toContain('the bandit beats uniform choice');
    expect(stdout).toMatch(/type error +→ patch types/);
    expect(stdout).toMatch(/import error +→ fix import/);
    expect(stdout).toMatch(/timeout +→ rerun test/);
    expect(status).toBe(0);
  });

  it('drive a robot to nearly every goal, where uniform choice reaches few', () => {
    const { status, stdout, stderr } = run('robot-loop.mjs', '200', '5');
    expect(stderr).toBe('');
    const uniform = Number(/uniform +(\d+) %/.exec(stdout)?.[1]);
    const bandit = Number(/bandit +(\d+) %/.exec(stdout)?.[1]);
    expect(uniform).toBeLessThan(30);
    expect(bandit).toBeGreaterThan(90);
    expect(status).toBe(0);
  });

  it('choose and learn with the default policy, which finds what each action is worth', () => {
    const { status, stdout, stderr } = run('choose-and-learn.mjs');
    expect(stderr).toBe('');
    const [first, second, third] = (stdout.match(/-?\d+\.\d+/g) ?? []).map(Number);
    expect(first).toBeCloseTo(1, 1);
    expect(second).toBeCloseTo(0, 1);
    expect(third).toBeCloseTo(0.2, 1);
    expect(status).toBe(0);
  });

  it('learn from rewards that come late, and give up those that never come', () => {
    const { status, stdout, stderr } = run('late-rewards.mjs');
    expect(stderr).toBe('');
    // Of 2980 decisions whose 20 s are over every tenth is never paid; the last ones of these have not expired yet.
    expect(stdout).toContain('joined 2682, expired 294');
    expect(Number(/mean reward (\d\.\d+)/.exec(stdout)?.[1])).toBeGreaterThan(0.6);
    expect(status).toBe(0);
  });

  it('stand in the README as they are', () => {
    const readme = readFileSync(`${root}/README.md`, 'utf8');
    for (const example of ['choose-and-learn.mjs', 'late-rewards.mjs']) {
      expect(readme, example).toContain(`\`\`\`js\n${readFileSync(`${root}/examples/${example}`, 'utf8')}\`\`\``);
    }
  });

  it('give the same figures for the same seed, and say how they are used', () => {
    expect(run('robot-loop.mjs', '20', '3').stdout).toBe(run('robot-loop.mjs', '20', '3').stdout);
    for (const example of ['robot-loop.mjs', 'code-repair.mjs']) {
      const { status, stderr } = run(example, 'many');
      expect(status).toBe(2);
      expect(stderr).toContain('usage');
    }
  });
});
