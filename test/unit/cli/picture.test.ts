import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { learningCurveSvg } from '../../../src/cli/learning-curve.js';
import { inTheme, PNG_SCALE, pictureFormat, pictureStyle, writePicture } from '../../../src/cli/picture.js';
import { UsageError } from '../../../src/cli/usage.js';

const svg = [
  '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 40 20">',
  pictureStyle(['.way{fill:none}'], { '.way': { stroke: ['#111111', '#eeeeee'] } }),
  '<rect class="back" width="40" height="20"/>',
  '</svg>',
  '',
].join('\n');

const hasSharp = await import('sharp').then(
  () => true,
  () => false,
);

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'rfsn-picture-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true });
  vi.doUnmock('sharp');
  vi.resetModules();
});

describe('the colours of a picture', () => {
  it('follow the reader unless one scheme is asked for', () => {
    expect(inTheme(svg, 'auto')).toBe(svg);
    expect(svg).toContain('@media (prefers-color-scheme:dark){');
    expect(svg).toContain('.way{stroke:#111111}');
    const light = inTheme(svg, 'light');
    expect(light).toContain('.way{stroke:#111111}');
    expect(light).not.toMatch(/@media|#eeeeee|#0d1117/);
    const dark = inTheme(svg, 'dark');
    expect(dark).not.toContain('@media');
    // Later rules win.
    expect(dark.indexOf('.way{stroke:#eeeeee}')).toBeGreaterThan(dark.indexOf('.way{stroke:#111111}'));
  });

  it.each(['light', 'dark'] as const)('leave a whole style sheet behind, also of the older pictures (%s)', (theme) => {
    const curve = learningCurveSvg({ scenario: 'x', episodes: [{ success: true, timeS: 3 }], references: [] });
    for (const picture of [svg, curve]) {
      const style = /<style>([\s\S]*)<\/style>/.exec(inTheme(picture, theme))?.[1] ?? '';
      expect(style.length).toBeGreaterThan(100);
      expect([...style.matchAll(/\{/g)]).toHaveLength([...style.matchAll(/\}/g)].length);
      expect(style).not.toContain('{}');
    }
  });
});

describe('a picture’s file', () => {
  it('is SVG or PNG by its name', () => {
    expect(pictureFormat('a/b.SVG')).toBe('svg');
    expect(pictureFormat('c.png')).toBe('png');
    expect(() => pictureFormat('c.pdf')).toThrow('-o c.pdf: a picture is written as .svg or .png');
    expect(() => pictureFormat('c')).toThrow(UsageError);
  });

  it('holds the SVG as it is, or in the scheme asked for', async () => {
    const path = join(folder, 'a.svg');
    await writePicture(path, svg, 'auto');
    expect(readFileSync(path, 'utf8')).toBe(svg);
    await writePicture(path, svg, 'dark');
    expect(readFileSync(path, 'utf8')).toBe(inTheme(svg, 'dark'));
  });

  it.skipIf(!hasSharp)('holds a PNG of twice the size, light or dark (sharp is optional)', async () => {
    const sharp = (await import('sharp')).default;
    const corner = async (theme: 'auto' | 'dark') => {
      const path = join(folder, `${theme}.png`);
      await writePicture(path, svg, theme);
      const { data, info } = await sharp(path).removeAlpha().raw().toBuffer({ resolveWithObject: true });
      expect([info.width, info.height]).toEqual([40 * PNG_SCALE, 20 * PNG_SCALE]);
      return [...data.subarray(0, 3)];
    };
    expect(await corner('auto')).toEqual([0xff, 0xff, 0xff]);
    expect(await corner('dark')).toEqual([0x0d, 0x11, 0x17]);
  });

  it('says what a PNG needs where sharp is not installed', async () => {
    vi.resetModules();
    vi.doMock('sharp', () => {
      throw new Error('Cannot find package');
    });
    const fresh = await import('../../../src/cli/picture.js');
    const writing = fresh.writePicture(join(folder, 'a.png'), svg, 'auto');
    await expect(writing).rejects.toThrow('a PNG needs sharp, which is not installed here: npm install sharp');
    await fresh.writePicture(join(folder, 'a.svg'), svg, 'auto');
  });

  it('says why it could not be written', async () => {
    await expect(writePicture(join(folder, 'none', 'a.svg'), svg, 'auto')).rejects.toThrow(
      /a\.svg could not be written \(ENOENT\)/,
    );
  });
});
