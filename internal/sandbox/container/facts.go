package container

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// factsFormat asks a client what it made, without the variables: those have secrets.
const factsFormat = `{"Host":{{json .HostConfig}},"Mounts":{{json .Mounts}},"User":{{json .Config.User}},"Image":{{json .Config.Image}}}`

// facts are what docker and podman say of a container (Docker Engine API,
// ContainerInspect; podman inspect has the same names).
type facts struct {
	Host struct {
		Privileged, ReadonlyRootfs                                             bool
		NetworkMode, IpcMode, PidMode, UTSMode, UsernsMode                     string
		CgroupnsMode, CgroupMode, CgroupParent, Runtime                        string
		CapAdd, CapDrop, SecurityOpt, GroupAdd, VolumesFrom, DeviceCgroupRules []string
		Devices, DeviceRequests                                                []json.RawMessage
		MaskedPaths                                                            *[]string
		Memory, MemorySwap, NanoCpus, PidsLimit                                int64
		Tmpfs, Sysctls                                                         map[string]string
		PublishAllPorts                                                        bool
		PortBindings                                                           map[string]json.RawMessage
	}
	Mounts []struct {
		Type, Source, Destination string
		RW                        bool
	}
	User, Image string
}

// Verify holds what a client says of a container that it made against what was asked
// for: the settings of a daemon or of its client may have added to it (daemon.json,
// containers.conf), and an image may have volumes. Everything that is more than what
// was asked for is refused.
func (s *Spec) Verify(inspected []byte) error {
	var f facts
	if err := json.Unmarshal(inspected, &f); err != nil {
		return fmt.Errorf("reading what was made: %w", err)
	}
	var more []error
	refuse := func(wrong bool, format string, args ...any) {
		if wrong {
			more = append(more, fmt.Errorf(format, args...))
		}
	}
	h := &f.Host
	uid, gid := s.ids()
	refuse(h.Privileged, "it is privileged")
	refuse(!h.ReadonlyRootfs, "its root file system can be written")
	refuse(f.User != fmt.Sprintf("%d:%d", uid, gid), "its user is %q and not %d:%d", f.User, uid, gid)
	refuse(h.NetworkMode != "none", "its network is %q and not none", h.NetworkMode)
	refuse(len(h.PortBindings) > 0 || h.PublishAllPorts, "it publishes ports")
	for name, mode := range map[string]string{"IPC": h.IpcMode, "process": h.PidMode, "host name": h.UTSMode, "cgroup": h.CgroupnsMode + h.CgroupMode} {
		refuse(!slices.Contains([]string{"", "private", "shareable", "none"}, mode), "its %s namespace is %q and not its own", name, mode)
	}
	refuse(!slices.Contains([]string{"", "private"}, h.UsernsMode) && (s.Kind != Podman || !strings.HasPrefix(h.UsernsMode, "keep-id")), "its user namespace is %q", h.UsernsMode)
	refuse(len(h.CapAdd) > 0, "it has the capabilities %s", strings.Join(h.CapAdd, ", "))
	refuse(len(h.CapDrop) == 0, "its capabilities were not dropped")
	refuse(!slices.ContainsFunc(h.SecurityOpt, noNewPrivileges), "it may gain privileges (no-new-privileges is missing)")
	refuse(slices.ContainsFunc(h.SecurityOpt, weakens), "its security options are %s", strings.Join(h.SecurityOpt, ", "))
	refuse(len(h.Devices)+len(h.DeviceRequests)+len(h.DeviceCgroupRules) > 0, "it has devices")
	refuse(s.Kind == Docker && (h.MaskedPaths == nil || len(*h.MaskedPaths) == 0), "nothing of /proc is masked")
	// Another one is below no floor, and may take devices from what an image says (NVIDIA_VISIBLE_DEVICES).
	refuse(s.Kind == Docker && !s.Weaker && !slices.Contains([]string{"", "runc", "io.containerd.runc.v2"}, h.Runtime), "its runtime is %q, of which nothing is known", h.Runtime)
	refuse(len(h.GroupAdd) > 0, "it has the groups %s", strings.Join(h.GroupAdd, ", "))
	refuse(len(h.VolumesFrom) > 0, "it has the volumes of %s", strings.Join(h.VolumesFrom, ", "))
	refuse(len(h.Sysctls) > 0, "it changes settings of the kernel")
	refuse(f.Image != "" && digestOf(f.Image) != digestOf(s.Image) && s.Kind == Docker, "its image is %s", f.Image)
	more = append(more, s.verifyLimits(&f), s.verifyMounts(&f))
	return errors.Join(more...)
}

func noNewPrivileges(o string) bool {
	return o == "no-new-privileges" || o == "no-new-privileges:true" || o == "no-new-privileges=true"
}

// weakens is every security option but the one that was asked for, and labels, which
// SELinux has for each container.
func weakens(o string) bool {
	return !noNewPrivileges(o) && (!strings.HasPrefix(o, "label=") && !strings.HasPrefix(o, "label:") || strings.HasSuffix(o, "disable"))
}

func digestOf(image string) string { return image[strings.LastIndex(image, "@")+1:] }

// verifyLimits refuses limits that a daemon has not taken: some warn and go on.
func (s *Spec) verifyLimits(f *facts) error {
	l := s.Limits.Filled()
	h := &f.Host
	cpu := h.NanoCpus - int64(l.CPU*1e9)
	switch {
	case h.Memory <= 0 || h.Memory > l.Memory:
		return fmt.Errorf("its memory is bounded to %d and not to %d bytes", h.Memory, l.Memory)
	case h.MemorySwap > h.Memory || h.MemorySwap <= 0:
		return fmt.Errorf("its memory and swap are bounded to %d bytes and not to %d", h.MemorySwap, l.Memory)
	case h.NanoCpus <= 0 || cpu > 1e7: // a hundredth of a processor, for what is rounded
		return fmt.Errorf("its processors are bounded to %d and not to %.0f billionths", h.NanoCpus, l.CPU*1e9)
	case h.PidsLimit <= 0 || h.PidsLimit > int64(l.Tasks):
		return fmt.Errorf("its processes are bounded to %d and not to %d", h.PidsLimit, l.Tasks)
	}
	return nil
}

// verifyMounts refuses a mount that was not asked for, and one that is missing.
func (s *Spec) verifyMounts(f *facts) error {
	asked := map[string]bool{} // path to whether it may be written
	for _, p := range s.readOnly() {
		asked[p] = false
	}
	for _, p := range s.Write {
		asked[p] = true
	}
	for at := range f.Host.Tmpfs {
		if at != scratch {
			return fmt.Errorf("it has a file system at %s that was not asked for", at)
		}
	}
	for _, m := range f.Mounts {
		if m.Type == "tmpfs" && m.Destination == scratch {
			continue
		}
		write, ok := asked[m.Destination]
		switch {
		case m.Type == "volume":
			return fmt.Errorf("its image has a volume at %s, which no limit of Doorward's bounds", m.Destination)
		case m.Type != "bind" || !ok || m.Source != m.Destination:
			return fmt.Errorf("it has %s of this system at %s, which was not asked for", m.Source, m.Destination)
		case m.RW && !write:
			return fmt.Errorf("it may write to %s", m.Destination)
		}
		delete(asked, m.Destination)
	}
	for p := range asked {
		return fmt.Errorf("it was not given %s", p)
	}
	return nil
}
