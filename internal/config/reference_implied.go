package config

import (
	"fmt"
	"reflect"
	"strings"

	"doorward/internal/policy"
)

// implied are the defaults of keys that finish fills in, by their path in the reference: each
// as finish gives it to an upstream of the kind that has the key.
func implied() map[string]any {
	all := Config{Upstreams: map[string]Upstream{}}
	for _, kind := range []string{BuiltinDocs, BuiltinFiles, BuiltinSQL, BuiltinCommands} {
		u := entry(reflect.TypeFor[Upstream]()).Interface().(Upstream) // entry makes one of that type
		u.Builtin = kind
		if kind == BuiltinCommands {
			u.Commands, u.Parameters = map[string]NamedCommand{"": {}}, map[string]Parameter{"": {}}
		}
		all.Upstreams[kind] = u
	}
	all.finish("", func(string) bool { return true })
	docs, files, sql, commands := all.Upstreams[BuiltinDocs], all.Upstreams[BuiltinFiles], all.Upstreams[BuiltinSQL], all.Upstreams[BuiltinCommands]
	flow := (&Flow{}).FlowTerms()
	return map[string]any{
		"upstreams.NAME.max_file": files.MaxFile,
		"upstreams.NAME.timeout":  sql.Timeout, "upstreams.NAME.rows": sql.Rows, "upstreams.NAME.bytes": sql.Bytes,
		"upstreams.NAME.index.kind": docs.Index.Kind, "upstreams.NAME.embedder.kind": docs.Embedder.Kind,
		"upstreams.NAME.passage": docs.Passage, "upstreams.NAME.findings": docs.Findings,
		"upstreams.NAME.commands.COMMAND.timeout": commands.Commands[""].Timeout, "upstreams.NAME.commands.COMMAND.output": commands.Commands[""].Output,
		"upstreams.NAME.parameters.PARAMETER.max_length": commands.Parameters[""].MaxLength,
		"upstreams.NAME.sandbox.memory":                  commands.Sandbox.Memory, "upstreams.NAME.sandbox.cpu": commands.Sandbox.CPU,
		"upstreams.NAME.sandbox.processes": commands.Sandbox.Processes, "upstreams.NAME.sandbox.files": commands.Sandbox.Files,
		"upstreams.NAME.sandbox.file_size": commands.Sandbox.FileSize, "upstreams.NAME.sandbox.disk": commands.Sandbox.Disk,
		"approvers.expires": Duration(policy.DefaultExpiry), "approvers.count": flow.Count,
	}
}

// impliedAt is the default of a key that finish fills in; false: it fills in none.
func impliedAt(path string) (string, bool) {
	all := implied()
	value, ok := all[path]
	if _, last, found := strings.Cut(path, "].approvers."); !ok && found {
		value, ok = all["approvers."+last]
	}
	if !ok {
		return "", false
	}
	return fmt.Sprintf("`%v`", value), true
}
