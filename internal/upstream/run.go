package upstream

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"doorward/internal/gate"
	"doorward/internal/launch"
)

// Run is a command that a server of Doorward's own runs for its calls.
type Run struct {
	Argv []string // as the lock pins it: with the names of what a call puts in
	Dir  string   // that it starts in; empty: Doorward's
}

// Running is one run of it.
type Running struct {
	Name           string // of the Run in Settings.Runs
	Of             any    // what judged its words is set to: where Settings.Builtin is another by now, it is not started
	Argv           []string
	Caller         string    // a mark of whose call it is; empty: nobody knows
	Stdout, Stderr io.Writer // each is written to by one goroutine; an error of theirs ends the command, and is Run's

	// Began is told that it was started, before anything that it wrote is handed on. still says whether
	// it executes what it was started from, and may be asked until Run returns. nil: nobody asks.
	Began func(still func() error)
}

// runs are the commands that a server of Doorward's own runs, each as the upstream that it
// would be.
func (set *Settings) runs() map[string]Settings {
	all := make(map[string]Settings, len(set.Runs))
	for name, r := range set.Runs {
		all[name] = set.running(r.Argv, r.Dir)
	}
	return all
}

func (set *Settings) running(argv []string, dir string) Settings {
	return Settings{Name: set.Name, Command: argv, Dir: dir, PerCall: true, Sandbox: set.Sandbox, AllowLaunch: set.AllowLaunch}
}

// Called is a command by what people call it.
type Called struct {
	Settings

	Called string // its upstream's name, or UPSTREAM/NAME of one that a server of Doorward's own runs
}

// Commands are the commands among these upstreams, and those that servers of Doorward's own
// among them run, each as the upstream that it would be.
func Commands(all []Settings) (out []Called) {
	for i := range all {
		if len(all[i].Command) > 0 {
			out = append(out, Called{all[i], all[i].Name})
		}
		runs := all[i].runs()
		for _, name := range slices.Sorted(maps.Keys(runs)) {
			out = append(out, Called{runs[name], all[i].Name + "/" + name})
		}
	}
	return out
}

// errExecutes is a run that would execute something else than the command that was approved.
var errExecutes = errors.New("the values would have it execute something else than what was approved")

// ErrChanged is a run of files that were changed meanwhile: what it wrote is not believed.
var ErrChanged = errors.New("what it executes was changed while it ran")

// Ended is how a run ended.
type Ended struct {
	Started bool   // it was, whatever became of it
	Status  int    // its exit status; 128 and the signal where one ended it
	Limit   string // the first limit of its sandbox that it met, in sandbox's words; empty: none
}

// Run runs a command of a server of Doorward's own to its end, with nothing on its standard
// input. It is started by the rules, in the sandbox and from the files that a command of an
// upstream is, if the lock allows the upstream as it is now and the audit log accepts the start.
// When ctx ends, or the upstream is drained, the command and whatever it has started are asked to
// end (SIGTERM), and after termGrace made to. What it writes after its end comes for outputGrace at
// most. The error is ErrChanged where something else may have run, whatever else ended it. One that
// was ended for what it took holds its caller's next runs of that command back.
func (p *Pool) Run(ctx context.Context, upstream string, r Running) (how Ended, err error) {
	s, err := p.server(upstream)
	if err != nil {
		return how, err
	}
	if err := s.beginRun(); err != nil {
		return how, s.fault(gate.CodeUpstreamDown, "running "+r.Name, err)
	}
	defer s.running.Done()
	ctx, end := until(ctx, s.stopped, s.leaving)
	defer end()
	one, reach, err := s.runnable(&r)
	if err != nil {
		return how, err
	}
	detail := fmt.Sprintf("%s %s%s%s", r.Name, reach.item.Digest, s.set.Sandbox.lacking(), s.set.allowed())
	if err := s.event(ctx, "upstream.start", detail); err != nil {
		return how, err
	}
	how, err = one.run(ctx, &r, reach, func(pid int, kind, text string) { s.offence(pid, r.who(), kind, r.Name+": "+text) })
	code := gate.CodeUpstreamDown
	switch {
	case errors.Is(err, errUnproven):
		code = gate.CodeUpstreamSandbox
		fallthrough
	case errors.Is(err, ErrChanged), err != nil && ctx.Err() == nil && !errors.Is(err, errWriting):
		return Ended{Started: how.Started}, s.fault(code, "running "+r.Name, err)
	}
	return how, err
}

// beginRun counts a run in, for the caller to count out. It refuses one of a server that is
// drained, or will be before the run is counted: a drain waits for those that are.
func (s *server) beginRun() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.gone {
		return s.leaving()
	}
	s.running.Add(1)
	return nil
}

// who is whose runs of which command are held back together.
func (r *Running) who() string { return r.Name + "\x00" + r.Caller }

// heldBack refuses a run of a command that was ended for what it took when the same caller last ran
// it, for a while.
func (s *server) heldBack(r *Running) error {
	name, wait := r.Name, s.offences.wait(r.who())
	if wait <= 0 {
		return nil
	}
	return &gate.Error{
		Code: gate.CodeUpstreamDown, Op: "running " + name + " of upstream " + s.set.Name, Err: fmt.Errorf("%w: next run in %s", errWaits, wait.Round(time.Millisecond)), Wait: wait,
		Public: fmt.Sprintf("%s took more than it may when it last ran; try again in %s", name, whole(wait)),
	}
}

// runnable is the command of a run as an upstream, and how it is started, where the lock and
// the launch rules allow that.
func (s *server) runnable(r *Running) (*server, *reach, error) {
	run, ok := s.set.Runs[r.Name]
	if !ok || !reflect.DeepEqual(s.set.Builtin, r.Of) {
		return nil, nil, s.fault(gate.CodeUpstreamDown, "running "+r.Name, errReplaced)
	}
	if err := s.heldBack(r); err != nil {
		return nil, nil, err
	}
	one := &server{pool: s.pool, set: s.set.running(r.Argv, run.Dir), log: s.log}
	now, kept, err := s.mayRun(one, r.Name)
	if err != nil && kept { // what was seen before may be the reason; where values would execute something else, too: another program, earlier in PATH
		s.standing.Store(nil)
		now, _, err = s.mayRun(one, r.Name)
	}
	if err != nil {
		return nil, nil, err
	}
	return one, now, nil
}

// mayRun is how a run is started, where the lock allows all commands of its server as they are, and
// this one executes what was approved. kept tells that the others were looked at before.
func (s *server) mayRun(one *server, name string) (now *reach, kept bool, err error) {
	all, kept, err := s.described()
	if err != nil {
		return nil, kept, s.fault(gate.CodeUpstreamDown, "finding the command", err)
	}
	if err := s.pinnedAs(all.item); err != nil {
		return nil, kept, err
	}
	now, err = one.executing(all.runs[name])
	if errors.Is(err, errExecutes) {
		return nil, kept, &gate.Error{Code: gate.CodeParams, Op: "running " + name + " of upstream " + s.set.Name, Err: err, Public: errExecutes.Error()}
	}
	if err != nil {
		return nil, kept, s.fault(gate.CodeUpstreamDown, "finding the command of "+name, err)
	}
	return now, kept, nil
}

// executing is how a run is started: from the very files that its command executes as it was
// approved, with no other program behind a wrapper, and with no launch rule broken that this
// keeps, or in another way. Its errors name rules, and no values.
func (s *server) executing(approved started) (*reach, error) {
	if launch.Head(s.set.Command) != launch.Head(approved.id.Argv) {
		return nil, errExecutes
	}
	kept := launch.Words(approved.id.Argv)
	for _, b := range launch.Words(s.set.Command) {
		if !slices.ContainsFunc(kept, func(had launch.Breach) bool { return had.Rule == b.Rule && filled(had.What, b.What) }) {
			return nil, fmt.Errorf("%w: launch rule %s", errExecutes, b.Rule)
		}
	}
	var is identity
	var now reach
	if err := s.pool.started(&is, &now, &s.set); err != nil {
		return nil, withoutValues(err, approved.id.Argv, s.set.Command)
	}
	is.Argv = approved.id.Argv // the digests are the same where the words alone are others
	if !reflect.DeepEqual(approved, started{is, now.module}) {
		return nil, errExecutes
	}
	return &now, now.describe(s.set.Name, &is)
}

// places are where values stand in a template, as argv reads them.
//
//nolint:gochecknoglobals // compiled when first used; read-only
var places = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`\{[a-z][a-z0-9_]*\}`) })

// filled tells whether a text is another one with something in place of each {name}.
func filled(template, text string) bool {
	kept := places().Split(template, -1)
	last := len(kept) - 1
	if last == 0 {
		return template == text
	}
	rest, ok := strings.CutPrefix(text, kept[0])
	for _, k := range kept[1:last] {
		_, after, found := strings.Cut(rest, k)
		rest, ok = after, ok && found
	}
	return ok && strings.HasSuffix(rest, kept[last])
}

// withoutValues is an error of a command that was filled in, for the log: where its text has a
// word that a value stands in, it has the template's.
func withoutValues(err error, template, words []string) error {
	text := err.Error()
	for i, w := range words {
		if i < len(template) && w != template[i] && w != "" {
			text = strings.ReplaceAll(text, w, template[i])
		}
	}
	if text == err.Error() {
		return err
	}
	return errors.New(text)
}
