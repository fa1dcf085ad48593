import { existsSync, realpathSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The presets under config/: how boldly the policy learns, from a desk to a robot in service. */
export const presetNames = ['development', 'staging', 'production'] as const;
export type PresetName = (typeof presetNames)[number];

/** The folder that holds package.json and config/, the same from the sources and from dist/. @realtime unsafe */
export function packageRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, 'package.json'))) {
    const parent = dirname(folder);
    if (parent === folder) throw new Error('package.json of rfsn-controller not found above its own files');
    folder = parent;
  }
  return folder;
}

/** Path of a preset's parameter file, for `loadParameters`. @realtime unsafe */
export function presetPath(preset: PresetName): string {
  return join(packageRoot(), 'config', `${preset}.yaml`);
}

/** Whether a path is that of a preset, which speaks to every policy and not to the one chosen. @realtime unsafe */
export function isPreset(path: string): boolean {
  // A linked package has two paths; its own is the real one.
  const place = existsSync(path) ? realpathSync(path) : resolve(path);
  return presetNames.some((preset) => place === presetPath(preset));
}
