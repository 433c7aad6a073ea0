package config_test

import (
	"strings"
	"testing"

	"doorward/internal/config"
)

// A rule for paths judges those of builtin files, which are relative and may be left out, or is a
// fault.
func TestFIL22_RulesForPathsOfFiles(t *testing.T) {
	const typed, under, needed = `, arguments: {path: path, from: path, to: path}`, `under: [/srv/notes/sub]`, `, values: {path: {required: true}}`
	const based = under + `, base: /srv/notes`
	for name, tc := range map[string]struct{ arguments, tools, where, fault string }{
		"no type":           {"", "n/read", `path: {` + based + `}`, "write upstreams.n.arguments: {path: path}"},
		"no base":           {typed, "n/read", `path: {` + under + `}`, "write base: /srv/notes"},
		"another base":      {typed, "n/read", `path: {` + under + `, base: /srv}`, "write base: /srv/notes"},
		"judged":            {typed, "n/read", `path: {` + based + `}`, ""},
		"left out":          {typed, "n/list", `path: {` + based + `}`, "values: {path: {required: true}}"},
		"left out of all":   {typed, "*/*", `path: {` + based + `}`, "values: {path: {required: true}}"},
		"left out, crossed": {typed, "n/**", `path: {` + based + `}`, "values: {path: {required: true}}"},
		"needed":            {typed, "n/list", `path: {` + based + `}` + needed, ""},
		"two paths":         {`, arguments: {Path: path, from: path}`, "n/move", `path: {` + based + `}`, "write upstreams.n.arguments: {to: path}"},
		"two judged paths":  {typed, "n/move", `path: {` + based + `}`, ""},
		"another upstream":  {"", "other/read", `path: {` + under + `}`, ""},
		"another part":      {"", "n/read", `values: {path: {regex: "^sub/"}}`, ""},
	} {
		_, err := config.Parse("/etc/doorward/doorward.yaml", []byte(`version: 1
roles: {r: {allow: [{tools: ["`+tc.tools+`"], where: {`+tc.where+`}}]}}
upstreams:
  n: {builtin: files, root: /srv/notes`+tc.arguments+`}
  other: {command: [/bin/other]}
`))
		if (err == nil) != (tc.fault == "") || err != nil && (!strings.Contains(err.Error(), tc.fault) || !strings.Contains(err.Error(), "roles.r.allow[0].where.path: does not judge the paths of n")) {
			t.Errorf("%s: %v, want %q", name, err, tc.fault)
		}
	}
}
