package files

// Takes tells whether a file system of so many bytes and files, with so many of them free, takes more bytes.
func Takes(bytes, freeBytes, files, freeFiles, more uint64) bool {
	return space{bytes, freeBytes, files, freeFiles}.takes(more)
}
