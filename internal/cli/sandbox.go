package cli

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"doorward/internal/app"
	"doorward/internal/sandbox"
	"doorward/internal/sandbox/container"
)

func (r *run) sandboxCommand() *cobra.Command {
	return group("sandbox", "Look at what confines an upstream's command",
		`  doorward sandbox plan files
  doorward sandbox test`,
		r.sandboxPlan(), r.sandboxTest())
}

func (r *run) sandboxPlan() *cobra.Command {
	return &cobra.Command{
		Use: "plan UPSTREAM", Short: "Show what an upstream's command would see and be kept to", Args: cobra.ExactArgs(1),
		Long: `Show what the command of an upstream would be started with now: the files and directories
that it sees and why, what it may write, its network, and its limits; of a container, what
docker or podman is told. Nothing is started.
What it needs besides is given to it in the configuration (upstreams.NAME.sandbox).`,
		Example: `  doorward sandbox plan files
  doorward sandbox plan files --format json`,
		RunE: func(_ *cobra.Command, args []string) error {
			cfg, err := r.load()
			if err != nil {
				return err
			}
			plan, err := app.SandboxPlan(cfg, r.config, args[0], r.Environ)
			if err != nil {
				return failed(err)
			}
			return failed(r.put(plan, func(w io.Writer) error {
				if plan.Container != nil {
					return writeContainer(w, plan.Container)
				}
				return writePlan(w, *plan.Plan, plan.Kept)
			}))
		},
	}
}

// writePlan is a plan for people.
func writePlan(w io.Writer, p sandbox.Plan, kept []sandbox.Kept) error {
	rows := slices.Clone(p.Mounts)
	for at, to := range p.Links {
		rows = append(rows, sandbox.Mount{Path: at, Source: to, Why: "a link, as on this system"})
	}
	slices.SortFunc(rows, func(a, b sandbox.Mount) int { return strings.Compare(a.Path, b.Path) })
	err := table(w, "PATH\tFROM\tMAY\tWHY", rows, func(m sandbox.Mount) string {
		may := "read"
		if m.Write {
			may = "write"
		}
		return fmt.Sprintf("%s\t%s\t%s\t%s", visible(m.Path), visible(m.Source), may, m.Why)
	})
	if err != nil {
		return err
	}
	network := "none"
	if p.Egress {
		network = "Doorward's proxy at " + sandbox.Proxy
	}
	kernel := "this system's, with filters"
	if p.Runsc != nil {
		kernel = "gVisor's (" + visible(p.Runsc.Path) + ")"
	}
	l := p.Limits
	_, err = fmt.Fprintf(w, `
program   %s
directory %s
kernel    %s
network   %s
limits    memory %d MiB, cpu %v, processes and threads %d, open files %d, largest file %d MiB, disk %d MiB, time %s
home      %s, /tmp and /dev/shm are empty at the start and gone at the end
`, visible(p.Path), visible(p.Dir), kernel, network, l.Memory>>20, l.CPU, l.Tasks, l.Files, l.FileSize>>20, l.Disk>>20, wall(l), sandbox.Home)
	if err != nil || len(kept) == 0 {
		return err
	}
	if _, err := fmt.Fprintln(w); err != nil {
		return err
	}
	return table(w, "LIMIT\tKEPT BY", kept, func(k sandbox.Kept) string { return k.Limit + "\t" + k.By })
}

// writeContainer is the plan of a container for people: the words that its client gets.
func writeContainer(w io.Writer, p *container.Plan) error {
	line := func(words []string) string {
		shown := make([]string, len(words))
		for i, a := range words {
			shown[i] = visible(a)
		}
		return strings.Join(shown, " \\\n    ")
	}
	variables := "none"
	if len(p.Passed) > 0 {
		variables = strings.Join(p.Passed, ", ")
	}
	_, err := fmt.Fprintf(w, `%s

The client says then what it made. If that is no more than this, it is started:

%s

image     %s
network   none
variables %s (their values are in the environment of the client, in no argument)
`, line(p.Create), line(p.Start), visible(p.Image), variables)
	return err
}

func wall(l sandbox.Limits) string {
	if l.Wall == 0 {
		return "as long as it is wanted"
	}
	return l.Wall.String()
}
