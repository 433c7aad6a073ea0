package config

import (
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"
)

// BuiltinFiles serves the files below a directory.
const BuiltinFiles = "files"

// Bounds of builtin files.
const (
	defaultMaxFile = 1 << 20
	maxMaxFile     = 64 << 20
	maxIgnored     = 256
)

// DefaultIgnore are the files that builtin files keeps to itself unless ignore is written:
// names under which keys, passwords and tokens usually lie, and the history of a
// repository, in which they still are when they were taken out.
func DefaultIgnore() []string {
	return []string{
		".git", ".hg", ".svn", ".env", ".env.*", "*.pem", "*.key", "*.p12", "*.pfx", "*.jks", "*.kdbx", "id_rsa*", "id_ecdsa*", "id_ed25519*",
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
	if u.Builtin == BuiltinFiles {
		v.files(path, u)
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
	if i := slices.IndexFunc(u.Ignore, func(p string) bool { return p == "" || !doublestar.ValidatePattern(p) }); i >= 0 {
		v.fault(path+".ignore", "%q is no pattern", shorten(u.Ignore[i]))
	}
}
