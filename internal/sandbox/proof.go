package sandbox

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// States of a Property.
const (
	Held    = "held"
	Broken  = "broken"
	Lacking = "lacking" // it is of a layer that this system lacks, and that the plan lets be missing
)

// Property is one thing that holds for a confined command, as a probe found it.
type Property struct {
	Name  string `json:"name"`
	Says  string `json:"says"`
	State string `json:"state"`
	Found string `json:"found"` // what was tried, and what came of it
}

// Proof is what a probe found of a plan. The zero value proves nothing.
type Proof struct {
	Properties []Property `json:"properties"`
}

// property is one that a probe looks for.
type property struct {
	name  string
	layer string // that it is of, where that may be missing
	of    where
	says  string
}

// where a property is looked for: gVisor has a kernel of its own, with namespaces, calls,
// devices and processes that are not this system's.
type where int

const (
	everywhere where = iota
	withoutRunsc
	withRunsc
)

func (w where) applies(runsc bool) bool { return w == everywhere || (w == withRunsc) == runsc }

// properties are what a probe looks for, in the order in which they are shown, and of
// which layer each is, where that may be missing. What is not here is not proven: that
// time of processors and of the clock is kept (SBX-11) takes seconds to see.
//
//nolint:gochecknoglobals // a table; read-only
var properties = []property{
	{"files.outside", "", everywhere, "a file that it was not given cannot be read"},
	{"files.own", "", everywhere, "what is Doorward's own cannot be seen"},
	{"files.root", "", everywhere, "what it was not given to write cannot be written"},
	{"files.other", "", everywhere, "no other root leads out"},
	{"environment", "", everywhere, "it has the variables that it was given, and no others"},
	{"processes", "", everywhere, "it sees process 1 and itself, and into neither memory nor files of process 1"},
	{"descriptors", "", everywhere, "it was handed the descriptors 0 to 2"},
	{"network", "", everywhere, "nothing outside answers, but Doorward's proxy where it has one"},
	{"ipc", "", everywhere, "it shares no memory, semaphores or queues with anybody outside"},
	{"privileges", "", everywhere, "no_new_privs is set, and no capability left"},
	{"kernel", "", withRunsc, "its system calls are answered by gVisor, and not by this system's kernel"},
	{"namespaces", "", withoutRunsc, "no namespace can be made"},
	{"calls", Seccomp, withoutRunsc, "the filter refuses system calls"},
	{"landlock", Landlock, withoutRunsc, "Landlock is in force"},
	{"devices", "", withoutRunsc, "there are no devices but the harmless ones, and none can be made"},
	{"terminal", "", everywhere, "it has no terminal"},
	{"cores", "", everywhere, "it leaves no core dumps"},
	{"limit.memory", "", withoutRunsc, "memory has its limit in the kernel"},
	{"limit.tasks", "", withoutRunsc, "processes and threads have their limit"},
	{"limit.files", "", everywhere, "open files have their limit"},
	{"limit.file_size", "", everywhere, "a file has its largest size"},
	{"limit.disk", "", everywhere, "the private file system has its size"},
	{"limit.watch", "", everywhere, "what takes more memory than its limit is ended"},
	{"limit.kept", "", everywhere, "what keeps its limits is in force"},
}

// answer is what the probe says of one property.
type answer struct {
	Name  string `json:"name"`
	Found string `json:"found"`
	Held  bool   `json:"held"`
}

// judge makes a proof of what was answered. lacks is the error of a layer that this
// system does not have.
func judge(p *Plan, answers []answer, lacks func(layer string) error) Proof {
	var proof Proof
	for _, want := range properties {
		if !want.of.applies(p.Runsc != nil) {
			continue
		}
		is := Property{Name: want.name, Says: want.says, State: Broken, Found: "it was not tried"}
		found := slices.DeleteFunc(slices.Clone(answers), func(a answer) bool { return a.Name != want.name })
		if len(found) == 1 {
			is.Found = found[0].Found
			if found[0].Held {
				is.State = Held
			}
		}
		if is.State == Broken && want.layer != "" && slices.Contains(p.Weaker, want.layer) {
			if err := lacks(want.layer); err != nil {
				is.State, is.Found = Lacking, err.Error()
			}
		}
		proof.Properties = append(proof.Properties, is)
	}
	return proof
}

// Names are the properties in a state.
func (p *Proof) Names(state string) (names []string) {
	for _, is := range p.Properties {
		if is.State == state {
			names = append(names, is.Name)
		}
	}
	return names
}

// errUnproven is a sandbox that does not keep what it promises.
var errUnproven = errors.New("the sandbox does not hold")

// Err is nil where every property holds, or is of a layer that may be missing and is.
func (p *Proof) Err() error {
	if len(p.Properties) == 0 {
		return fmt.Errorf("%w: nothing was tried", errUnproven)
	}
	var broken []string
	for _, is := range p.Properties {
		if is.State != Held && is.State != Lacking {
			broken = append(broken, is.Name+": "+is.Found)
		}
	}
	if broken == nil {
		return nil
	}
	return fmt.Errorf("%w: %s", errUnproven, strings.Join(broken, "; "))
}
