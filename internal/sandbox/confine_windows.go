package sandbox

import (
	"errors"
	"fmt"
	"net"
	"os/exec"
	"runtime"
	"syscall"
	"unsafe"

	"golang.org/x/sys/windows"
)

// Confine makes cmd run in a job of its own, which bounds what all of its processes take
// and ends them together. A job walls off neither files nor the network, so a plan has to
// let these go. See the same on Linux for who calls what.
func (mk *Maker) Confine(cmd *exec.Cmd, p Plan, proxy func(net.Listener)) (*Box, error) {
	b, err := mk.begin(&p, proxy)
	if err != nil {
		return nil, err
	}
	if _, err := b.listen(cmd); err != nil {
		b.Close()
		return nil, fmt.Errorf("sandbox: %w", err)
	}
	job, err := newJob(&p.Limits)
	if err != nil {
		b.Close()
		return nil, fmt.Errorf("sandbox: %w", err)
	}
	b.cmd = cmd
	b.end = func() { _ = windows.CloseHandle(job) } // which ends all that is in it
	b.enter = func() error { return enter(job, cmd.Process.Pid) }
	// It runs when it is in the job, not before.
	cmd.SysProcAttr = &syscall.SysProcAttr{CreationFlags: windows.CREATE_SUSPENDED | windows.CREATE_NEW_PROCESS_GROUP, HideWindow: true}
	return b, nil
}

// lacking are the layers that no Windows has.
func lacking() []string { return []string{Files, Network, Landlock, Seccomp} }

// cpuRate is JOBOBJECT_CPU_RATE_CONTROL_INFORMATION: hundredths of a percent of all processors.
type cpuRate struct{ flags, rate uint32 }

const (
	cpuRateEnable  = 0x1 // JOB_OBJECT_CPU_RATE_CONTROL_ENABLE
	cpuRateHardCap = 0x4 // JOB_OBJECT_CPU_RATE_CONTROL_HARD_CAP
	cpuRateClass   = 15  // JobObjectCpuRateControlInformation
)

// newJob makes a job that keeps what is in it to the limits.
func newJob(l *Limits) (windows.Handle, error) {
	job, err := windows.CreateJobObject(nil, nil)
	if err != nil {
		return 0, fmt.Errorf("making a job: %w", err)
	}
	bounds := windows.JOBOBJECT_EXTENDED_LIMIT_INFORMATION{JobMemoryLimit: uintptr(l.Memory)}
	bounds.BasicLimitInformation.LimitFlags = windows.JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE | windows.JOB_OBJECT_LIMIT_JOB_MEMORY |
		windows.JOB_OBJECT_LIMIT_ACTIVE_PROCESS | windows.JOB_OBJECT_LIMIT_DIE_ON_UNHANDLED_EXCEPTION
	bounds.BasicLimitInformation.ActiveProcessLimit = uint32(min(l.Tasks, 1<<16))
	share := cpuRate{cpuRateEnable | cpuRateHardCap, uint32(max(1, min(10_000, l.CPU*10_000/float64(runtime.NumCPU()))))}
	// No desktop, clipboard or handles of others, and no end of the session.
	ui := windows.JOBOBJECT_BASIC_UI_RESTRICTIONS{UIRestrictionsClass: windows.JOB_OBJECT_UILIMIT_DESKTOP | windows.JOB_OBJECT_UILIMIT_DISPLAYSETTINGS | windows.JOB_OBJECT_UILIMIT_EXITWINDOWS |
		windows.JOB_OBJECT_UILIMIT_GLOBALATOMS | windows.JOB_OBJECT_UILIMIT_HANDLES | windows.JOB_OBJECT_UILIMIT_READCLIPBOARD | windows.JOB_OBJECT_UILIMIT_SYSTEMPARAMETERS | windows.JOB_OBJECT_UILIMIT_WRITECLIPBOARD}
	_, err1 := windows.SetInformationJobObject(job, windows.JobObjectExtendedLimitInformation, uintptr(unsafe.Pointer(&bounds)), uint32(unsafe.Sizeof(bounds)))
	_, err2 := windows.SetInformationJobObject(job, cpuRateClass, uintptr(unsafe.Pointer(&share)), uint32(unsafe.Sizeof(share)))
	_, err3 := windows.SetInformationJobObject(job, windows.JobObjectBasicUIRestrictions, uintptr(unsafe.Pointer(&ui)), uint32(unsafe.Sizeof(ui)))
	if err := errors.Join(err1, err2, err3); err != nil {
		_ = windows.CloseHandle(job)
		return 0, fmt.Errorf("bounding a job: %w", err)
	}
	return job, nil
}

// enter puts a suspended process into a job and lets it run.
func enter(job windows.Handle, pid int) error {
	process, err := windows.OpenProcess(windows.PROCESS_SET_QUOTA|windows.PROCESS_TERMINATE, false, uint32(pid))
	if err != nil {
		return fmt.Errorf("opening the process: %w", err)
	}
	defer func() { _ = windows.CloseHandle(process) }()
	if err := windows.AssignProcessToJobObject(job, process); err != nil {
		return fmt.Errorf("putting the process into its job: %w", err)
	}
	return resume(uint32(pid))
}

// resume lets the one thread of a suspended process run.
func resume(pid uint32) error {
	all, err := windows.CreateToolhelp32Snapshot(windows.TH32CS_SNAPTHREAD, 0)
	if err != nil {
		return fmt.Errorf("listing threads: %w", err)
	}
	defer func() { _ = windows.CloseHandle(all) }()
	entry := windows.ThreadEntry32{Size: uint32(unsafe.Sizeof(windows.ThreadEntry32{}))}
	for err = windows.Thread32First(all, &entry); err == nil; err = windows.Thread32Next(all, &entry) {
		if entry.OwnerProcessID != pid {
			continue
		}
		thread, err := windows.OpenThread(windows.THREAD_SUSPEND_RESUME, false, entry.ThreadID)
		if err != nil {
			return fmt.Errorf("opening its thread: %w", err)
		}
		_, err = windows.ResumeThread(thread)
		_ = windows.CloseHandle(thread)
		if err != nil {
			return fmt.Errorf("resuming its thread: %w", err)
		}
		return nil
	}
	return fmt.Errorf("finding its thread: %w", err)
}

// Started puts the process that was started into its job, and lets it run.
func (b *Box) Started(err error) error {
	if err == nil {
		if err = b.enter(); err != nil {
			_ = b.cmd.Process.Kill()
		}
	}
	if err != nil {
		b.Close()
		return fmt.Errorf("sandbox: starting the command: %w", err)
	}
	return nil
}

// Init is for systems where a process stands between Doorward and a command.
func Init() int { return 2 }
