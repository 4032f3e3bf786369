package main

import "runtime/debug"

// version is set by the build of a release: -ldflags "-X main.version=1.2.3".
var version string

// versionText is the release, or else what the toolchain knows of the source.
func versionText() string {
	if version != "" {
		return version
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "(devel)"
}
