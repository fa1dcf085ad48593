/** A parameter, or a file of them, that cannot be used. Commands exit 2 on it. */
export class ParameterError extends Error {
  override readonly name = 'ParameterError';
  /** The dotted name, or an empty string where the file as a whole is at fault. */
  readonly parameter: string;
  /** Where it was read: `file:line:column`, or the flag; empty where neither is known. */
  readonly source: string;

  constructor(parameter: string, complaint: string, source = '') {
    super(`${source === '' ? '' : `${source}: `}${parameter === '' ? '' : `${parameter}: `}${complaint}`);
    this.parameter = parameter;
    this.source = source;
  }
}
