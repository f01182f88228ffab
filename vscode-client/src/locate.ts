import { execFile } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import * as vscode from "vscode";

import { chosenInterpreter } from "./interpreter";
import { type StartSettings } from "./settings";

/** A way to run `qlsp`. */
export interface Candidate {
  command: string;
  args: string[];
  /** Where it comes from, for messages. */
  origin: string;
}

export interface Located extends Candidate {
  version: string;
}

const PROBE_TIMEOUT_MS = 15_000;

/**
 * Finds the qlsp to run: the first of these that answers `--version`.
 *
 * 1. the executables in the setting `qlsp.path`
 * 2. the interpreter in the setting `qlsp.interpreter`
 * 3. the interpreter chosen in the Python extension
 * 4. the interpreter in `.venv` or `venv` of a workspace folder
 * 5. `qlsp` on `PATH`
 * 6. `python3` or `python` on `PATH`
 *
 * An untrusted workspace chooses nothing: 3 and 4 are left out, and VS Code hides the
 * workspace's values of 1 and 2.
 */
export async function locate(
  settings: StartSettings,
  folders: readonly vscode.WorkspaceFolder[],
  log: vscode.LogOutputChannel,
): Promise<Located | undefined> {
  for await (const candidate of candidates(settings, folders)) {
    try {
      const version = await probe(candidate);
      log.info(`qlsp ${version} from ${candidate.origin}: ${candidate.command}`);
      return { ...candidate, version };
    } catch (error) {
      log.info(`no qlsp from ${candidate.origin} (${candidate.command}): ${reason(error)}`);
    }
  }
  return undefined;
}

async function* candidates(
  settings: StartSettings,
  folders: readonly vscode.WorkspaceFolder[],
): AsyncGenerator<Candidate> {
  for (const command of settings.path) {
    yield { command, args: [], origin: "the setting qlsp.path" };
  }
  if (settings.interpreter) {
    yield interpreter(settings.interpreter, "the setting qlsp.interpreter");
  }
  if (vscode.workspace.isTrusted) {
    const chosen = await chosenInterpreter(folders[0]);
    if (chosen) {
      yield interpreter(chosen, "the Python extension");
    }
    for (const folder of folders) {
      for (const python of environments(folder.uri.fsPath)) {
        yield interpreter(python, `the workspace folder ${folder.name}`);
      }
    }
  }
  yield { command: "qlsp", args: [], origin: "PATH" };
  yield interpreter("python3", "PATH");
  yield interpreter("python", "PATH");
}

/** `-P` keeps Python from importing a `qlsp` that lies in the current folder. */
function interpreter(command: string, origin: string): Candidate {
  return { command, args: ["-P", "-m", "qlsp"], origin };
}

function environments(folder: string): string[] {
  const python = process.platform === "win32" ? "Scripts\\python.exe" : "bin/python";
  return [".venv", "venv"]
    .map((name) => path.join(folder, name, python))
    .filter((file) => fs.existsSync(file));
}

function probe({ command, args }: Candidate): Promise<string> {
  return new Promise((resolve, reject) => {
    const options = { timeout: PROBE_TIMEOUT_MS, killSignal: "SIGKILL" as const };
    execFile(command, [...args, "--version"], options, (error, stdout, stderr) => {
      const version = /^qlsp, version (\S+)/.exec(stdout)?.[1];
      if (version !== undefined && error === null) {
        resolve(version);
      } else if (error?.killed) {
        reject(new Error(`no answer in ${PROBE_TIMEOUT_MS / 1000} s`));
      } else {
        reject(new Error(lastLine(stderr) ?? error?.message ?? "not qlsp"));
      }
    });
  });
}

function lastLine(text: string): string | undefined {
  return text.trim().split("\n").at(-1) || undefined;
}

function reason(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
