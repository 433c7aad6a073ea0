package config

import (
	"io/fs"
	"strings"

	"github.com/bmatcuk/doublestar/v4"
)

// The kinds of Doorward's own servers: files below a directory, tables of a database, commands.
const (
	BuiltinFiles    = "files"
	BuiltinSQL      = "sql"
	BuiltinCommands = "commands"
)

// Bounds of builtin files.
const (
	defaultMaxFile  = 1 << 20
	maxMaxFile      = 64 << 20
	maxIgnored      = 256
	maxIgnore       = 256 // bytes of a pattern
	maxIgnoreBraces = 4   // the matcher tries each combination
)

// DefaultIgnore are the files that builtin files keeps to itself unless ignore is written:
// names under which keys, passwords and tokens usually lie, and the history of a
// repository, in which they still are when they were taken out.
func DefaultIgnore() []string {
	return []string{
		".git", ".hg", ".svn", ".env", ".env.*", ".envrc", ".git-credentials", ".vault-token", "*.pem", "*.key", "*.p12", "*.pfx", "*.jks", "*.kdbx", "id_rsa*", "id_ecdsa*", "id_ed25519*",
		".ssh", ".aws", ".gnupg", ".kube", ".docker", ".netrc", ".npmrc", ".pypirc", ".pgpass", ".htpasswd", "*.tfstate", "*.tfstate.*",
	}
}

// Ignored are the patterns of builtin files that are in force, in lower case.
func (u *Upstream) Ignored() []string {
	all := u.Ignore
	if all == nil {
		all = DefaultIgnore()
	}
	out := make([]string, 0, len(all))
	for _, p := range all {
		out = append(out, strings.ToLower(p))
	}
	return out
}

// builtin checks a server of Doorward's own, and that no other upstream has its keys.
func (v *checker) builtin(path string, u *Upstream) {
	for _, k := range [...]struct {
		key, kind string
		written   bool
	}{
		{"root", BuiltinFiles, u.Root != ""},
		{"max_file", BuiltinFiles, u.MaxFile != 0},
		{"write", BuiltinFiles, u.Write},
		{"ignore", BuiltinFiles, u.Ignore != nil},
		{"dsn", BuiltinSQL, u.DSN != ""},
		{"tables", BuiltinSQL, u.Tables != nil},
		{"mask", BuiltinSQL, u.Mask != nil},
		{"timeout", BuiltinSQL, u.Timeout != 0},
		{"rows", BuiltinSQL, u.Rows != 0},
		{"bytes", BuiltinSQL, u.Bytes != 0},
		{"max_cost", BuiltinSQL, u.MaxCost != 0},
		{"index", BuiltinDocs, u.Index != DocumentIndex{}},
		{"embedder", BuiltinDocs, u.Embedder != DocumentEmbedder{}},
		{"passage", BuiltinDocs, u.Passage != 0},
		{"access", BuiltinDocs, u.Access != nil},
		{"findings", BuiltinDocs, u.Findings != ""},
		{"commands", BuiltinCommands, u.Commands != nil},
		{"parameters", BuiltinCommands, u.Parameters != nil},
	} {
		if k.written && u.Builtin != k.kind {
			v.fault(path+"."+k.key, "is for builtin: %s", k.kind)
		}
	}
	if u.Builtin == "" {
		return
	}
	if u.Credential != nil {
		v.fault(path+".credential", "is for a url")
	}
	switch u.Builtin {
	case BuiltinFiles:
		v.files(path, u)
	case BuiltinSQL:
		v.sql(path, u)
	case BuiltinDocs:
		v.docs(path, u)
	case BuiltinCommands:
		v.commands(path, u)
	}
}

func (v *checker) files(path string, u *Upstream) {
	if u.Root == "" {
		v.fault(path+".root", "must name the directory that is served")
	}
	if u.MaxFile < 0 || u.MaxFile > maxMaxFile {
		v.fault(path+".max_file", "must be at most 64MiB")
	}
	if len(u.Ignore) > maxIgnored {
		v.fault(path+".ignore", "has more than %d patterns", maxIgnored)
	}
	for _, p := range u.Ignore {
		switch {
		case p == "" || len(p) > maxIgnore || strings.Count(p, "{") > maxIgnoreBraces || !doublestar.ValidatePattern(p):
			v.fault(path+".ignore", "%q is no pattern, or has more than %d bytes or %d braces", shorten(p), maxIgnore, maxIgnoreBraces)
		case strings.Contains(p, `\`) || !fs.ValidPath(p) || p == ".":
			v.fault(path+".ignore", "%q would match nothing: write a name (private), or a path from root with / between its parts alone (docs/private)", shorten(p))
		}
	}
	if u.MaxFile > u.Limits.Result/4*3 {
		v.fault(path+".max_file", "must be at most three quarters of limits.result (%s): a file that is no text is a third larger in an answer", u.Limits.Result)
	}
}
