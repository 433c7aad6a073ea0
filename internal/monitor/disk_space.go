package monitor

import "fmt"

func diskSpace() rule {
	return rule{
		name: "disk_space", text: "the disk that the audit log is on fills up: when it is full, no call is let through",
		limit:   once(func(s *Settings) bool { return s.DiskSpace }),
		subject: gatewayOf,
	}
}

// fill is how far the disk was full when somebody was told last, one of diskLevels. The
// zero value is a disk with room.
type fill struct{ told int }

// diskLevels are what is told, each once, in percent of what there is room for (DUR-04).
// One is told again after the disk was clearFor points below it.
func diskLevels() [3]int { return [...]int{80, 90, 95} }

const clearFor = 2

// look tells which level the disk has come to; 0: none that was not told.
func (f *fill) look(used int) int {
	reached := 0
	for _, level := range diskLevels() {
		if used >= level || level <= f.told && used > level-clearFor {
			reached = level
		}
	}
	rises := reached > f.told
	f.told = reached
	if !rises {
		return 0
	}
	return reached
}

func diskAt(level int) Subject {
	return Subject{Kind: OfGateway, Value: fmt.Sprintf("disk %d%%", level)}
}
