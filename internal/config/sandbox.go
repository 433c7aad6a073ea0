package config

import (
	"cmp"
	"maps"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"time"

	"doorward/internal/egress"
	"doorward/internal/sandbox"
	"doorward/internal/sandbox/container"
)

// Bounds of what a sandbox is given.
const (
	maxPaths  = 64
	maxPlaces = 64
)

// kindNone is the sandbox of a command that has Doorward's rights.
const kindNone = "none"

// Runs tells whether an upstream has commands run on this machine.
func (u *Upstream) Runs() bool { return u.Command != nil || u.Builtin == BuiltinCommands }

// Confined tells whether a command is to be confined.
func (s *Sandbox) Confined() bool { return s.Kind != kindNone }

// Contained tells whether a command is to run in a container.
func (s *Sandbox) Contained() bool { return s.Kind == container.Docker || s.Kind == container.Podman }

// Missing are the layers of allow_weaker that this system lacks; of a container and of runsc
// none, whose programs are asked at each start.
func (s *Sandbox) Missing() []string {
	if !s.Confined() || s.Contained() || s.Kind == sandbox.Runsc {
		return nil
	}
	return sandbox.Missing(s.AllowWeaker)
}

// Places are those that a command may reach; none is no network.
func (s *Sandbox) Places() []string {
	if slices.Equal(s.Network, []string{"none"}) {
		return nil
	}
	return s.Network
}

// Limits are what a command's sandbox keeps it to; zero is the sandbox's default.
func (s *Sandbox) Limits() sandbox.Limits {
	return sandbox.Limits{
		Memory: int64(s.Memory), CPU: float64(s.CPU) / 1000, Tasks: s.Processes, Files: s.Files,
		FileSize: int64(s.FileSize), Disk: int64(s.Disk), Wall: time.Duration(s.Time),
	}
}

// finish fills in what a sandbox keeps a command to, and makes its paths absolute.
func (s *Sandbox) finish(dir string) {
	if s.Confined() {
		s.Memory = cmp.Or(s.Memory, sandbox.DefaultMemory)
		s.CPU = cmp.Or(s.CPU, sandbox.DefaultCPU*1000)
		s.Processes = cmp.Or(s.Processes, sandbox.DefaultTasks)
		s.Files = cmp.Or(s.Files, sandbox.DefaultFiles)
		s.FileSize = cmp.Or(s.FileSize, sandbox.DefaultFileSize)
		s.Disk = cmp.Or(s.Disk, sandbox.DefaultDisk)
	}
	for _, list := range [][]string{s.Read, s.Write} {
		for i, path := range list {
			if path != "" && !filepath.IsAbs(path) {
				list[i] = filepath.Join(dir, path)
			}
		}
	}
}

func (v *checker) sandbox(path string, u *Upstream) {
	s := &u.Sandbox
	if !u.Runs() {
		if !reflect.ValueOf(*s).IsZero() {
			v.fault(path, "is for a command, and this is none")
		}
		return
	}
	if !s.Confined() {
		unused := *s
		unused.Kind, unused.Lifetime = "", ""
		if !reflect.ValueOf(unused).IsZero() {
			v.fault(path, "kind none confines nothing: take the other keys out, but lifetime")
		}
		return
	}
	for name, list := range map[string][]string{"read": s.Read, "write": s.Write} {
		if len(list) > maxPaths {
			v.fault(path+"."+name, "has more than %d paths", maxPaths)
		}
		for i, p := range list {
			if p == "" || filepath.Clean(p) == string(filepath.Separator) {
				v.fault(path+"."+name+"["+strconv.Itoa(i)+"]", "must be a file or directory, and not all of them")
			}
		}
	}
	v.places(path+".network", s.Network)
	v.contained(path, u)
	if err := s.Limits().Check(); err != nil {
		v.fault(path, "%v", err)
	}
}

// weaker checks the layers that are left out where there is no container.
func (v *checker) weaker(path string, s *Sandbox) {
	for _, w := range s.AllowWeaker {
		switch {
		case s.Kind == sandbox.Runsc && w != sandbox.Runtime:
			v.fault(path+".allow_weaker", "%s is not left out of kind runsc, whose filters are gVisor's", w)
		case s.Kind != sandbox.Runsc && w == sandbox.Runtime:
			v.fault(path+".allow_weaker", "runtime is for kind runsc, docker or podman")
		}
	}
}

// contained checks what is of containers alone, and that they have it.
func (v *checker) contained(path string, u *Upstream) {
	s := &u.Sandbox
	if !s.Contained() {
		if s.Image != "" {
			v.fault(path+".image", "is for kind docker or podman")
		}
		v.weaker(path, s)
		return
	}
	if err := container.CheckImage(s.Image); err != nil {
		v.fault(path+".image", "%v", err)
	}
	if s.Places() != nil {
		v.fault(path+".network", "is none in a container: confine the command by kind process to let it out")
	}
	for _, w := range s.AllowWeaker {
		if w != sandbox.Runtime {
			v.fault(path+".allow_weaker", "%s is not left out of a container", w)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(u.Env)) {
		if err := container.CheckVariable(name); err != nil {
			v.fault(path, "%v", err)
		}
	}
	for name, list := range map[string][]string{"read": s.Read, "write": s.Write} {
		for i, p := range list {
			if err := container.CheckPath(filepath.Clean(p), nil); err != nil {
				v.fault(path+"."+name+"["+strconv.Itoa(i)+"]", "%v", err)
			}
		}
	}
}

// places checks what a command may reach: none, or hosts with a port.
func (v *checker) places(path string, places []string) {
	if len(places) > maxPlaces {
		v.fault(path, "has more than %d places", maxPlaces)
	}
	for i, p := range places {
		at := path + "[" + strconv.Itoa(i) + "]"
		if p == "none" {
			if len(places) > 1 {
				v.fault(at, "none stands alone")
			}
			continue
		}
		if err := egress.Check([]string{p}); err != nil {
			v.fault(at, "must be none, or a host and its port, such as api.example.com:443: %v", err)
		}
	}
}
