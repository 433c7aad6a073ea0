package config

import (
	"maps"
	"slices"
	"strings"
	"time"

	"doorward/internal/argv"
	"doorward/internal/gate"
	"doorward/internal/launch"
)

// Bounds of builtin commands.
const (
	defaultCommandTimeout = Duration(30 * time.Second)
	defaultCommandOutput  = 256 << 10
	maxCommandTimeout     = Duration(time.Hour)
	commandMargin         = Duration(2 * time.Second) // of limits.timeout, for the end of a command and its answer
	maxCommandRuns        = 16                        // at once; as many as builtin/commands runs
	maxCommands           = 64                        // tools of one upstream
	maxParameters         = 64
	maxCommandWords       = 256

	// outputCopies is how many times as large as output an answer may be: both outputs stand in it
	// twice, and JSON writes < with six bytes. One more is for what stands around them.
	outputCopies = 25
)

// list implements listed.
func (c *NamedCommand) list() *[]string { return &c.Argv }

// finishCommands fills in what is not written of builtin commands, and makes paths absolute.
// written tells of the keys of the upstream that are.
func (u *Upstream) finishCommands(dir string, written func(key string) bool) {
	if !written("limits.concurrency") {
		u.Limits.Concurrency = maxCommandRuns
	}
	if u.Sandbox.Kind == "" {
		u.Sandbox.Kind = "process"
	}
	u.Sandbox.finish(dir)
	for name, c := range u.Commands {
		if c.Timeout == 0 {
			c.Timeout = min(defaultCommandTimeout, max(u.Limits.Timeout-commandMargin, 1))
		}
		if c.Output == 0 {
			c.Output = min(defaultCommandOutput, u.Limits.Result/outputCopies)
		}
		if c.Directory == "" {
			c.Directory = dir
		}
		c.Directory = absolute(dir, c.Directory)
		u.Commands[name] = c
	}
	for name, p := range u.Parameters {
		if p.MaxLength == 0 {
			p.MaxLength = argv.DefaultLength
		}
		for i, at := range p.Under {
			if at != "" {
				p.Under[i] = absolute(dir, at)
			}
		}
		u.Parameters[name] = p
	}
}

// Rule is what the parameter's values keep to.
func (p *Parameter) Rule() argv.Rule {
	wide := func(n *int) *int64 {
		if n == nil {
			return nil
		}
		return new(int64(*n))
	}
	return argv.Rule{
		Type: p.Type, Enum: p.Enum, Pattern: p.Pattern, Length: p.MaxLength,
		Minimum: wide(p.Minimum), Maximum: wide(p.Maximum), Under: p.Under, Default: string(p.Default),
	}
}

// commands checks builtin commands.
func (v *checker) commands(path string, u *Upstream) {
	if len(u.Commands) == 0 || len(u.Commands) > maxCommands {
		v.fault(path+".commands", "must have between 1 and %d commands", maxCommands)
	}
	if len(u.Parameters) > maxParameters {
		v.fault(path+".parameters", "has more than %d", maxParameters)
	}
	if u.Sandbox.Contained() {
		v.fault(path+".sandbox.kind", "is process, runsc or none for builtin: commands")
	}
	if u.Sandbox.Lifetime != "" {
		v.fault(path+".sandbox.lifetime", "is for a command: each call of builtin: commands has a process of its own")
	}
	if u.Limits.Concurrency > maxCommandRuns {
		v.fault(path+".limits.concurrency", "must be at most %d for builtin: commands, which runs no more at once; others wait by limits.queue", maxCommandRuns)
	}
	if u.Limits.Timeout <= commandMargin {
		v.fault(path+".limits.timeout", "must be more than %s for builtin: commands, the time that the end of a command and its answer take", time.Duration(commandMargin))
	}
	parameters := v.parameters(path+".parameters", u)
	used := map[string]bool{}
	for _, name := range slices.Sorted(maps.Keys(u.Commands)) {
		c := u.Commands[name]
		at := join(path+".commands", name)
		if !matches(`^[a-z0-9][a-z0-9_-]*$`, name) {
			v.fault(at, "the name is that of a tool: lower-case letters, digits, hyphens and underscores, at most %d", maxNames)
		}
		v.namedCommand(at, u, &c)
		t, faults := argv.New(c.Argv, parameters)
		for _, f := range faults {
			v.fault(at, "%s", gate.Visible(f))
		}
		for _, p := range argv.Names(c.Argv) {
			used[p] = true
		}
		if t == nil {
			continue
		}
		v.launched(at, u, &c, t, parameters)
	}
	for _, name := range slices.Sorted(maps.Keys(u.Parameters)) {
		if !used[name] {
			v.fault(join(path+".parameters", name), "is named by no command: write {%s} where its value goes", shorten(name))
		}
	}
}

func (v *checker) parameters(path string, u *Upstream) map[string]*argv.Parameter {
	all := map[string]*argv.Parameter{}
	for _, name := range slices.Sorted(maps.Keys(u.Parameters)) {
		p := u.Parameters[name]
		at := join(path, name)
		if !argv.GoodName(name) {
			v.fault(at, "the name must be lower-case letters, digits and underscores, beginning with a letter, at most 64")
		}
		if len(p.Description) > maxDescription {
			v.fault(at+".description", "is longer than %d bytes", maxDescription)
		}
		one, faults := argv.NewParameter(p.Rule())
		for _, f := range faults {
			key := at
			if f.Field != "" {
				key += "." + f.Field
			}
			v.fault(key, "%s", gate.Visible(f.Text))
		}
		all[name] = one // nil: it is there, and its faults are told
	}
	return all
}

// namedCommand checks what of a command is beside its words.
func (v *checker) namedCommand(path string, u *Upstream, c *NamedCommand) {
	if len(c.Argv) > maxCommandWords {
		v.fault(path, "has more than %d words: give them in a file", maxCommandWords)
	}
	if len(c.Description) > maxDescription {
		v.fault(path+".description", "is longer than %d bytes", maxDescription)
	}
	if c.Timeout > maxCommandTimeout {
		v.fault(path+".timeout", "must be at most 1h")
	}
	if most := u.Limits.Timeout - commandMargin; most > 0 && c.Timeout > most {
		v.fault(path+".timeout", "must be at most %s, %s less than limits.timeout, after which nobody waits for the answer", time.Duration(most), time.Duration(commandMargin))
	}
	if c.Output > u.Limits.Result/outputCopies {
		v.fault(path+".output", "must be at most a %dth of limits.result (%s): an answer has both outputs twice, and JSON writes some characters with six", outputCopies, u.Limits.Result)
	}
}

// launched checks that a command may be started by its words, and that no value can mean
// anything to what runs code.
func (v *checker) launched(path string, u *Upstream, c *NamedCommand, t *argv.Template, parameters map[string]*argv.Parameter) {
	breaches := launch.Words(c.Argv)
	if remote := launch.Remote(c.Argv); remote != nil && len(t.Takes()) > 0 {
		breaches = append(breaches, *remote)
	}
	free := func(word string) bool {
		return slices.ContainsFunc(argv.Names([]string{word}), func(name string) bool { return !parameters[name].Listed() })
	}
	if b := launch.Chosen(c.Argv, free); b != nil {
		v.fault(path, "%s: %s", gate.Visible(b.What), b.Do)
	}
	for _, b := range launch.Refused(breaches, u.AllowLaunch) {
		if b.Rule == launch.Bounds {
			v.fault(path, "is refused: %s", gate.Visible(b.String()))
			continue
		}
		v.fault(path, "is refused by launch rule %s: %s. Where it must be so: allow_launch: [%s]", b.Rule, gate.Visible(b.String()), b.Rule)
	}
	for _, b := range breaches {
		if !slices.Contains([]launch.Rule{launch.Path, launch.Writable, launch.Disguised}, b.Rule) && !t.Listed() {
			v.fault(path, "%s: a value could become part of what it runs, so {%s} must have an enum or be integers", gate.Visible(b.What), strings.Join(t.Takes(), "}, {"))
			return
		}
	}
	head := c.Argv[:min(launch.Head(c.Argv), len(c.Argv))]
	for i, word := range head {
		for _, name := range argv.Names([]string{word}) {
			switch {
			case i == len(head)-1:
				v.fault(path, "a value of {%s} would choose the program that %s runs, and the lock pins one: write the program, in a command for each", name, gate.Visible(c.Argv[0]))
			case !parameters[name].Listed():
				v.fault(path, "a value of {%s} could choose the program that %s runs: give it an enum, or make it an integer", name, gate.Visible(c.Argv[0]))
			}
		}
	}
}
