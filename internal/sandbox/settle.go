package sandbox

import "time"

// Ticks of the clocks by which file systems say when a file was changed: two changes within one
// tick have the same time, and so the same File where they leave the same size. A kernel takes
// the time of its last tick, which is 10 ms before the next at most on Linux (CONFIG_HZ=100;
// from Linux 6.13 on some file systems have none) and 15.6 ms on Windows. Some file systems keep
// whole seconds, and FAT, the coarsest, every second one.
const (
	kernelTick = 20 * time.Millisecond
	coarseTick = 2 * time.Second
)

// Settle waits until whatever is changed of the file from now on makes it another File. Whoever
// takes its digest and holds it to the File later asks for that first. It takes nothing where the
// file was not changed just now, and else 20 ms, or 4 s where only whole seconds are kept.
func (f File) Settle() { time.Sleep(f.unsettled(time.Now())) }

// unsettled is how long it takes until Settle may return; not positive where it need not wait.
// What was changed by a clock that is far ahead of this one is not waited for.
func (f File) unsettled(now time.Time) time.Duration {
	tick := kernelTick
	if f.Changed%int64(time.Second) == 0 {
		tick = coarseTick
	}
	ahead := time.Duration(f.Changed - now.UnixNano())
	if ahead > coarseTick {
		return 0
	}
	return ahead + tick
}
