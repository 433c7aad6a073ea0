package parameter

import (
	"strings"

	"doorward/internal/gate"
)

func saidSecret(s []word) gate.Severity {
	c := union(s)
	strong := near(s, keyed, key, 1)
	switch {
	case has(s, "rsa", "printenv", "netrc", "dotenv", "keychain", "ed"), has(s, "seed", "recovery", "mnemonic") && has(s, "phrase", "words", "wallet"):
		return gate.High
	case has(s, "shell", "bash", "zsh", "browser", "browsing", "terminal", "command") && has(s, "history"):
		return gate.High
	case refers(s) && !c.has(whole):
	case near(s, secret, key, 2), near(s, secret, secret, 4), variables(s):
		return gate.High
	case c.has(secret) && near(s, secret, whole|know|open|content|past|file|user|you|this, 6), strong && c.has(whole|know|open|content|past|user|you):
		return gate.High
	case near(s, key, whole|past|open|know, 5) && c.has(past|open|know|keyed) && has(s, "keys", "tokens", "passwords"):
		return gate.High
	case has(s, "authorization", "bearer") && c.has(act|you|machine), keyedToken(s) && c.has(open|know|you|act):
		return gate.High
	case near(s, secret, talk|act|know, 6):
		return gate.High
	case strong, has(s, "cookies") && has(s, "session", "browser"):
		return gate.High
	case has(s, "credentials", "passwords", "secrets", "cookies"), has(s, "environment", "env") && has(s, "process", "json", "shell", "dump"):
		return gate.Medium
	case has(s, "token", "bearer", "authorization", "header") && has(s, "client", "caller", "session") && c.has(key|keyed|secret):
		return gate.Medium
	}
	return gate.NoSeverity
}

// variables tells whether a single word says environment variables.
func variables(s []word) bool {
	for i := range s {
		w := s[i].text
		if s[i].class.has(secret) && s[i].class.has(key) && (strings.Contains(w, "varia") || strings.Contains(w, "muuttuj") || strings.ContainsAny(w, "变変변變")) {
			return true
		}
	}
	return false
}

// keyedToken tells whether a token of access is spoken of: one that opens something
// and not one that continues a list.
func keyedToken(s []word) bool {
	return has(s, "token", "tokens") && has(s, "access", "bearer", "auth", "refresh", "oauth", "session")
}

func namedSecret(n []word) gate.Severity {
	c := union(n)
	switch {
	case c.has(ref) && !has(n, "rsa"):
	case near(n, keyed, key, 1) && has(n, "private", "ssh", "aws", "gcp", "master", "gpg", "pgp"), near(n, secret, key|content|whole|file, 1) && len(n) > 1, has(n, "rsa", "kubeconfig", "mnemonic"):
		return gate.High
	case len(n) == 2 && has(n, "session") && has(n, "cookie", "cookies"), len(n) == 2 && has(n, "browser", "browsing", "shell", "bash", "terminal") && has(n, "history"):
		return gate.High
	case len(n) == 1 && has(n, "creds", "credentials", "passwords", "secrets", "keychain", "dotenv"):
		return gate.High
	}
	return gate.NoSeverity
}

func saidTools(s []word) gate.Severity {
	c := union(s)
	switch {
	case refers(s) && !c.has(whole):
	case near(s, tool, result, 5) && near(s, tool|result, other|past|whole|you, 4), near(s, tool, list|person|name, 6) && near(s, tool, you|whole|other, 4) && c.has(you|other):
		return gate.High
	case near(s, result, past, 2) && near(s, result, result, 2), near(s, result, other, 3) && c.has(tool), near(s, result, other, 3) && has(s, "servers", "server"), has(s, "tool", "tools") && near(s, tool, other, 2) && c.has(log|this):
		return gate.High
	case near(s, result|content|open|given, other, 3) && has(s, "servers", "tools") && c.has(you|act), has(s, "mcp") && has(s, "servers", "tools") && c.has(list|other|whole|open) && c.has(you|act|other):
		return gate.High
	case near(s, tool, result, 2) && c.has(whole), near(s, file|result, open, 4) && c.has(act) && c.has(you):
		return gate.High
	case near(s, tool, list, 3) && has(s, "tools"), has(s, "far") && c.has(result):
		return gate.Medium
	case near(s, tool, result, 3) && has(s, "output", "outputs", "result", "results"), near(s, result, past, 2) && c.has(whole|you|content):
		return gate.Medium
	}
	return gate.NoSeverity
}

func namedTools(n []word) gate.Severity {
	switch {
	case union(n).has(ref):
	case has(n, "tool", "tools") && near(n, tool, result|list|other|past, 1), near(n, past, result, 1):
		return gate.High
	case near(n, other, result, 1):
		return gate.Medium
	}
	return gate.NoSeverity
}

func saidFiles(s []word) gate.Severity {
	c := union(s)
	switch {
	case has(s, "home", "desktop", "downloads") && c.has(user|you) && c.has(list|content|whole) && c.has(file):
		return gate.High
	case near(s, file, content, 6) && has(s, "editor", "ide", "workspace", "tab", "tabs"):
		return gate.High
	case has(s, "clipboard"), near(s, file, open, 5) && near(s, file, past|you, 5), near(s, file, open, 2) && (c.has(whole) || has(s, "editor")):
		return gate.High
	case near(s, file, user, 3) && has(s, "shared", "working", "uploaded", "attached"), near(s, file, log, 2) && has(s, "context", "session"):
		return gate.Medium
	case has(s, "working", "home", "current") && has(s, "directory", "folder") && has(s, "files", "listing", "tree"):
		return gate.Medium
	case refers(s) && !c.has(whole), !near(s, file, content, 6):
	case near(s, file, open, 4):
		return gate.High
	case near(s, file, user|you|other|this, 4) && c.has(you|user|past):
		return gate.High
	}
	return gate.NoSeverity
}

func namedFiles(n []word) gate.Severity {
	if !union(n).has(ref) && (near(n, open, file, 1) && len(n) <= 3 || has(n, "clipboard") && len(n) == 1) {
		return gate.High
	}
	return gate.NoSeverity
}
