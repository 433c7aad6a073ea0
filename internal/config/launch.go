package config

import (
	"maps"
	"slices"
	"strings"

	"doorward/internal/gate"
	"doorward/internal/launch"
)

// Unlaunchable are the launch rules that a command breaks by its words or its variables,
// and that allow_launch does not allow. How its file is on this machine is seen at a start.
func (u *Upstream) Unlaunchable() []launch.Breach {
	if len(u.Command) == 0 || strings.TrimSpace(u.Command[0]) == "" {
		return nil
	}
	all := slices.Concat(launch.Words(u.Command), launch.Environment(slices.Collect(maps.Keys(u.Env))))
	return launch.Refused(all, u.AllowLaunch)
}

// launch checks that a command may be started by its words and its variables.
func (v *checker) launch(path string, u *Upstream) {
	if u.Command == nil {
		if u.Builtin == BuiltinCommands {
			return // by v.commands
		}
		if u.AllowLaunch != nil {
			v.fault(path+".allow_launch", "is for a command, and this is none")
		}
		return
	}
	for _, b := range u.Unlaunchable() {
		at := path + ".command"
		if b.Rule == launch.Variables {
			at = path + ".env"
		}
		if b.Rule == launch.Bounds {
			v.fault(at, "is refused: %s", gate.Visible(b.String()))
			continue
		}
		v.fault(at, "is refused by launch rule %s: %s. Where it must be so: allow_launch: [%s]", b.Rule, gate.Visible(b.String()), b.Rule)
	}
}
