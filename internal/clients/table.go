package clients

import "path/filepath"

// keyVariable is the variable in which a client finds its key for Doorward,
// where it can read one. keyInput is the id of VS Code's prompt for it.
const (
	keyVariable = "DOORWARD_KEY"
	keyInput    = "doorward-key"
)

// httpForm is how a client writes a server that it reaches by URL, and where the
// key comes from: never from the file itself.
type httpForm struct {
	urlKey    string // of the URL
	typeValue string // of "type"; empty: the client has no such key
	reference string // to keyVariable, in the client's syntax; empty: it has none
	bearerKey string // the key that names the variable, instead of a header
	input     bool   // the reference is to a prompt that inputs declares
}

// Table is every client. Where each keeps its servers, and how, is from the
// vendors' documentation as of November 2026.
func Table() []Client {
	servers := []string{"mcpServers"}
	return []Client{
		{
			Name: "claude-desktop", Title: "Claude Desktop", format: formatJSON,
			places: func(e Env) []Place {
				return []Place{{Scope: ScopeUser, Path: filepath.Join(e.config(), "Claude", "claude_desktop_config.json"), Root: servers}}
			},
		},
		{
			Name: "claude-code", Title: "Claude Code", format: formatJSON, typed: true, places: claudeCode,
			http: &httpForm{urlKey: "url", typeValue: "http", reference: "${" + keyVariable + "}"},
		},
		{
			Name: "cursor", Title: "Cursor", format: formatJSON, places: dotted(".cursor", "mcp.json"),
			http: &httpForm{urlKey: "url", reference: "${env:" + keyVariable + "}"},
		},
		{
			Name: "vscode", Title: "VS Code", format: formatJSON, typed: true, places: visualStudioCode("Code"),
			http: &httpForm{urlKey: "url", typeValue: "http", reference: "${input:" + keyInput + "}", input: true},
		},
		{
			Name: "vscode-insiders", Title: "VS Code Insiders", format: formatJSON, typed: true, places: visualStudioCode("Code - Insiders"),
			http: &httpForm{urlKey: "url", typeValue: "http", reference: "${input:" + keyInput + "}", input: true},
		},
		{
			Name: "windsurf", Title: "Windsurf", format: formatJSON,
			places: func(e Env) []Place {
				return []Place{{Scope: ScopeUser, Path: filepath.Join(e.Home, ".codeium", "windsurf", "mcp_config.json"), Root: servers}}
			},
			http: &httpForm{urlKey: "serverUrl", reference: "${env:" + keyVariable + "}"},
		},
		{
			Name: "gemini", Title: "Gemini CLI", format: formatJSON, bare: "sse", places: dotted(".gemini", "settings.json"),
			http: &httpForm{urlKey: "httpUrl", reference: "$" + keyVariable},
		},
		{
			Name: "antigravity", Title: "Antigravity", format: formatJSON,
			places: func(e Env) []Place {
				return []Place{{Scope: ScopeUser, Path: filepath.Join(e.Home, ".gemini", "antigravity", "mcp_config.json"), Root: servers}}
			},
			http: &httpForm{urlKey: "serverUrl"},
		},
		{
			Name: "codex", Title: "Codex", format: formatTOML,
			places: func(e Env) []Place {
				root := []string{"mcp_servers"}
				return []Place{
					{Scope: ScopeUser, Path: filepath.Join(e.Home, ".codex", "config.toml"), Root: root},
					{Scope: ScopeProject, Path: filepath.Join(e.Project, ".codex", "config.toml"), Root: root},
				}
			},
			http: &httpForm{urlKey: "url", bearerKey: "bearer_token_env_var"}, //nolint:gosec // a key of Codex's file
		},
		{
			Name: "cline", Title: "Cline", format: formatJSON, bare: "sse",
			places: func(e Env) []Place {
				return []Place{{Scope: ScopeUser, Path: filepath.Join(e.config(), "Code", "User", "globalStorage", "saoudrizwan.claude-dev", "settings", "cline_mcp_settings.json"), Root: servers}}
			},
			http: &httpForm{urlKey: "url", typeValue: "streamableHttp"},
		},
		{
			Name: "kiro", Title: "Kiro", format: formatJSON, places: dotted(filepath.Join(".kiro", "settings"), "mcp.json"),
			http: &httpForm{urlKey: "url", reference: "${" + keyVariable + "}"},
		},
		{Name: "zed", Title: "Zed", format: formatJSON, places: zed, http: &httpForm{urlKey: "url"}},
	}
}

// dotted is a file in a directory of the user's and of the project's.
func dotted(dir, file string) func(Env) []Place {
	return func(e Env) []Place {
		root := []string{"mcpServers"}
		return []Place{
			{Scope: ScopeUser, Path: filepath.Join(e.Home, dir, file), Root: root},
			{Scope: ScopeProject, Path: filepath.Join(e.Project, dir, file), Root: root},
		}
	}
}

// claudeCode keeps what the user set up for one project in the user's own file,
// below the project's path.
func claudeCode(e Env) []Place {
	managed := map[string]string{
		"darwin":  "/Library/Application Support/ClaudeCode/managed-mcp.json",
		"windows": `C:\Program Files\ClaudeCode\managed-mcp.json`,
	}[e.GOOS]
	if managed == "" {
		managed = "/etc/claude-code/managed-mcp.json"
	}
	file, root := filepath.Join(e.Home, ".claude.json"), []string{"mcpServers"}
	return []Place{
		{Scope: ScopeUser, Path: file, Root: root},
		{Scope: ScopeProject, Path: filepath.Join(e.Project, ".mcp.json"), Root: root},
		{Scope: ScopeLocal, Path: file, Root: []string{"projects", e.Project, "mcpServers"}},
		{Scope: ScopeSystem, Path: managed, Root: root, ReadOnly: true},
	}
}

// visualStudioCode has a file of its own for servers, and older places that it
// still reads.
func visualStudioCode(dir string) func(Env) []Place {
	return func(e Env) []Place {
		user := filepath.Join(e.config(), dir, "User")
		older, container := []string{"mcp", "servers"}, []string{"customizations", "vscode", "mcp", "servers"}
		return []Place{
			{Scope: ScopeUser, Path: filepath.Join(user, "settings.json"), Root: older, ReadOnly: true},
			{Scope: ScopeUser, Path: filepath.Join(user, "mcp.json"), Root: []string{"servers"}},
			{Scope: ScopeProject, Path: filepath.Join(e.Project, ".vscode", "settings.json"), Root: older, ReadOnly: true},
			{Scope: ScopeProject, Path: filepath.Join(e.Project, ".vscode", "mcp.json"), Root: []string{"servers"}},
			{Scope: ScopeProject, Path: filepath.Join(e.Project, ".devcontainer.json"), Root: container, ReadOnly: true},
			{Scope: ScopeProject, Path: filepath.Join(e.Project, ".devcontainer", "devcontainer.json"), Root: container, ReadOnly: true},
		}
	}
}

func zed(e Env) []Place {
	root, dir := []string{"context_servers"}, filepath.Join(e.xdg(), "zed")
	if e.GOOS == "windows" {
		dir = filepath.Join(e.config(), "Zed")
	}
	return []Place{
		{Scope: ScopeUser, Path: filepath.Join(dir, "settings.json"), Root: root},
		{Scope: ScopeProject, Path: filepath.Join(e.Project, ".zed", "settings.json"), Root: root},
	}
}
