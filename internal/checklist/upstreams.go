package checklist

import (
	"strings"
	"time"

	"doorward/internal/config"
	"doorward/internal/fetched"
)

func upstreamChecks() []check {
	const page = "docs/reference/configuration.md"
	return []check{
		{Entry{
			"upstream.pinned", "Commands run exactly one version of what they fetch",
			"write the exact version: name@1.2.3 for npx, name==1.2.3 for uvx, image@sha256:… for a container", "docs/how-to/check-before-production.md",
		}, (*subject).exact},
		{Entry{
			"upstream.launch", "Commands keep the launch rules",
			"name the server's own program by an absolute path that its owner alone may write, and take allow_launch out", "docs/reference/launch-rules.md",
		}, (*subject).launched},
		{Entry{
			"upstream.sandbox", "Commands are confined, by every layer",
			"take sandbox: {kind: none} out and give the command what it needs (doorward sandbox plan), or run it where the kernel has every layer", "docs/how-to/confine-commands.md",
		}, (*subject).confined},
		{Entry{
			"upstream.arguments", "Arguments are judged by what they mean",
			"give the parameters that are paths, URLs, SQL or commands a type in upstreams.NAME.arguments; doorward policy check says which look like it", "docs/how-to/write-a-policy.md",
		}, (*subject).typed},
		{Entry{
			"upstream.limits", "Limits are near their defaults",
			"take the limit back, or say beside it why the upstream needs so much", page,
		}, (*subject).limits},
	}
}

// commands has do look at each upstream that is a command, or runs some; all says how they are
// where it found nothing.
func (s *subject) commands(a *answer, all string, do func(path, name string, u *config.Upstream)) {
	n := 0
	for name, u := range ordered(s.cfg.Upstreams) {
		if u.Runs() {
			n++
			do("upstreams."+name, name, &u)
		}
	}
	if n == 0 {
		a.none("upstreams", "no upstream is a command, or runs some")
	}
	a.otherwise("", "commands: %d, %s", n, all)
}

func (s *subject) exact(a *answer) {
	s.commands(a, "and what they run is exact", func(path, name string, u *config.Upstream) {
		a.fetches(path+".command", name, u.Command)
		for own, c := range ordered(u.Commands) {
			a.fetches(path+".commands."+own, name, c.Argv)
		}
	})
}

// fetches looks at what a command runs that is not on this machine.
func (a *answer) fetches(at, name string, command []string) {
	for _, f := range fetched.By(command) {
		switch f.How {
		case fetched.Loose:
			a.fail(at, "%s runs %s", name, f.Text)
		case fetched.Movable:
			a.warn(at, "%s runs %s", name, f.Text)
		case fetched.Exactly:
		}
	}
}

// launched fails what would not be started, and every rule that somebody has switched off.
func (s *subject) launched(a *answer) {
	s.commands(a, "and all keep the rules", func(path, name string, u *config.Upstream) {
		if why := s.state.Unlaunchable[name]; why != "" {
			a.fail(path+".command", "%s is not started: %s", name, why)
		}
		for own := range ordered(u.Commands) {
			if why := s.state.Unlaunchable[name+"/"+own]; why != "" {
				a.fail(path+".commands."+own, "%s of %s is not started: %s", own, name, why)
			}
		}
		for _, rule := range u.AllowLaunch {
			a.fail(path+".allow_launch", "%s may break launch rule %s", name, rule)
		}
	})
}

// confined looks for commands that have Doorward's rights, and for layers that they run
// without here (security case SBX-20).
func (s *subject) confined(a *answer) {
	s.commands(a, "all confined", func(path, name string, u *config.Upstream) {
		if !u.Sandbox.Confined() {
			a.warn(path+".sandbox.kind", "%s has Doorward's own rights", name)
		}
		if without := u.Sandbox.Missing(); len(without) > 0 {
			a.warn(path+".sandbox.allow_weaker", "%s runs without %s, which this system lacks", name, strings.Join(without, ", "))
		}
	})
}

func (s *subject) typed(a *answer) {
	if len(s.cfg.Upstreams) == 0 {
		a.none("upstreams", "there is no upstream")
	}
	for name, u := range ordered(s.cfg.Upstreams) {
		if len(u.Arguments) == 0 && u.Builtin != config.BuiltinCommands { // whose parameters have rules
			a.warn("upstreams."+name, "no argument of %s has a type: a path or a URL in one is a text like any other", name)
		}
	}
	a.otherwise("", "upstreams: %d, all with arguments that have a type", len(s.cfg.Upstreams))
}

// far is how many times its default a limit may be before somebody should say why.
const far = 4

// The defaults of config, whose file writes none of them.
const (
	usualTimeout     = 30 * time.Second
	usualConcurrency = 64
	usualQueue       = 64
	usualResult      = config.Size(16 << 20)
	usualArguments   = config.Size(1 << 20)
	usualValues      = 100_000
	usualBody        = config.Size(4 << 20)
)

func (s *subject) limits(a *answer) {
	if b := s.cfg.Listen.MaxBody; b > far*usualBody {
		a.warn("listen.max_body", "is %s, and %s is usual", b, usualBody)
	}
	for name, u := range ordered(s.cfg.Upstreams) {
		path, l := "upstreams."+name+".limits", u.Limits
		if time.Duration(l.Timeout) > far*usualTimeout {
			a.warn(path+".timeout", "is %s, and %s is usual", l.Timeout, usualTimeout)
		}
		if l.Concurrency > far*usualConcurrency {
			a.warn(path+".concurrency", "is %d, and %d is usual", l.Concurrency, usualConcurrency)
		}
		if l.Queue > far*usualQueue {
			a.warn(path+".queue", "is %d, and %d is usual", l.Queue, usualQueue)
		}
		if l.Result > far*usualResult {
			a.warn(path+".result", "is %s, and %s is usual", l.Result, usualResult)
		}
		if l.Arguments > far*usualArguments {
			a.warn(path+".arguments", "are %s, and %s is usual", l.Arguments, usualArguments)
		}
		if l.Values > far*usualValues {
			a.warn(path+".values", "are %d, and %d is usual", l.Values, usualValues)
		}
	}
	a.otherwise("upstreams", "no limit is more than %d times its default", far)
}
