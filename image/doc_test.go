// Package image has only tests: of the Dockerfile, and of what it makes, in a
// real container engine. They need the docker command, a daemon that sees the
// files of this machine, and a static busybox for the programs that containers
// run; images are built from scratch, nothing is fetched, and no container has
// a network.
package image
