import * as vscode from "vscode";
import {
  type ConfigurationParams,
  LanguageClient,
  type LanguageClientOptions,
  type ServerOptions,
  State,
} from "vscode-languageclient/node";

import { chosenInterpreter } from "./interpreter";
import { locate, type Located } from "./locate";
import { startSettings } from "./settings";
import { type Status } from "./status";

/** The language server: at most one runs, whatever asks for restarts at the same time. */
export class Server {
  private client: LanguageClient | undefined;
  private located: Located | undefined;
  private asked = 0;
  private restarting: Promise<void> | undefined;

  constructor(
    private readonly context: vscode.ExtensionContext,
    private readonly log: vscode.LogOutputChannel,
    private readonly status: Status,
  ) {}

  /** Stop and start. Requests that come meanwhile are met by one more restart. */
  restart(): Promise<void> {
    this.asked++;
    this.restarting ??= this.settle().finally(() => (this.restarting = undefined));
    return this.restarting;
  }

  private async settle(): Promise<void> {
    let met: number;
    do {
      met = this.asked;
      await this.stop();
      await this.start();
    } while (met !== this.asked);
  }

  async stop(): Promise<void> {
    const client = this.client;
    this.client = undefined;
    try {
      await client?.dispose();
    } catch (error) {
      this.log.warn(`The server did not stop in order: ${error}`);
    }
  }

  private async start(): Promise<void> {
    this.status.starting();
    const folders = vscode.workspace.workspaceFolders ?? [];
    const settings = startSettings(folders[0]);
    this.located = await locate(settings, folders, this.log);
    if (this.located === undefined) {
      this.fail("no Python environment with qlsp was found; `pip install qlsp` into one");
      return;
    }
    const { command, args, version } = this.located;
    const serverOptions: ServerOptions = {
      command,
      args: [...args, "server", "--stdio", "--log-level", settings.logLevel],
      options: { cwd: this.context.extensionPath },
    };
    const client = new LanguageClient("qlsp", "qlsp", serverOptions, this.clientOptions());
    client.onDidChangeState(({ newState }) => {
      if (newState === State.Stopped && client === this.client) {
        this.status.failed("the server stopped; see the log");
      } else if (newState === State.Running) {
        this.status.running(version);
      }
    });
    this.client = client;
    try {
      await client.start();
    } catch (error) {
      this.fail(`the server did not start: ${error}`);
    }
  }

  private clientOptions(): LanguageClientOptions {
    return {
      documentSelector: [
        { language: "python", scheme: "file" },
        { language: "python", scheme: "untitled" },
      ],
      synchronize: { configurationSection: "qlsp" },
      initializationOptions: { trusted: vscode.workspace.isTrusted },
      outputChannel: this.log,
      middleware: { workspace: { configuration: withInterpreters } },
      diagnosticCollectionName: "qlsp",
      diagnosticPullOptions: { onChange: true, onSave: true, onTabs: false },
    };
  }

  private fail(reason: string): void {
    this.log.error(reason);
    this.status.failed(reason);
    void vscode.window
      .showErrorMessage(`qlsp: ${reason}`, "Open Settings", "Show Log")
      .then((choice) => {
        if (choice === "Open Settings") {
          void vscode.commands.executeCommand("workbench.action.openSettings", "qlsp.interpreter");
        } else if (choice === "Show Log") {
          this.log.show();
        }
      });
  }

  /** What a bug report should contain, in Markdown. */
  info(): string {
    const located = this.located;
    const extension = this.context.extension.packageJSON as { version: string };
    const rows = [
      ["VS Code", vscode.version],
      ["extension", extension.version],
      ["server", located?.version ?? "not found"],
      ["command", located ? [located.command, ...located.args].join(" ") : "none"],
      ["found through", located?.origin ?? "nothing"],
      ["running", String(this.client?.isRunning() ?? false)],
      ["workspace trusted", String(vscode.workspace.isTrusted)],
      ["settings", JSON.stringify(vscode.workspace.getConfiguration("qlsp"))],
    ];
    return ["# qlsp", "", ...rows.map(([name, value]) => `- ${name}: ${value}`), ""].join("\n");
  }
}

/** Answers the server's question for settings, with the interpreter of each folder filled in. */
async function withInterpreters(
  params: ConfigurationParams,
  token: vscode.CancellationToken,
  next: (params: ConfigurationParams, token: vscode.CancellationToken) => unknown,
): Promise<unknown[]> {
  const sections = (await next(params, token)) as unknown[];
  return Promise.all(
    sections.map(async (section, index) => {
      const item = params.items[index];
      if (item?.section !== "qlsp" || typeof section !== "object" || section === null) {
        return section;
      }
      const folder = item.scopeUri
        ? vscode.workspace.getWorkspaceFolder(vscode.Uri.parse(item.scopeUri))
        : undefined;
      const { interpreter } = startSettings(folder);
      return { ...section, interpreter: interpreter || (await chosenInterpreter(folder)) || null };
    }),
  );
}
