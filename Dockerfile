# The image of ncolony: its binaries and nothing else. See docs/container.md.
#
# Both ways to it give the same image, which image/dockerfile_test.go checks:
#
#	make image                   around those in dist, built on this machine
#	docker build -t ncolony .    builds them in a container first
#
# "local" stands first because Docker's old builder (DOCKER_BUILDKIT=0) builds every
# stage up to the one it is asked for: so it needs no compiler for that one. For
# the last one it then wants dist/ncolony too, which BuildKit does not.

FROM scratch AS local
COPY dist/ncolony dist/ncolony-ctl dist/ncolony-heartcheck dist/ncolony-log dist/ncolony-probe dist/ncolony-schedule dist/ncolony-serve dist/ncolony-top /
# One root for every user: an image without /etc/passwd has no HOME to find
# another in, and `docker exec` with another --user must come to the same place.
ENV NCOLONY_ROOT=/var/lib/ncolony
# No "--": `docker run ncolony ctl ...`, flags, and a colony of specs work with
# it as it is. An image for one program sets ["/ncolony", "--"] and a CMD.
# Neither are there directories, which are made when they are needed, nor a
# VOLUME, which each container would leave behind, nor a HEALTHCHECK, which
# would cost every user a process per interval.
ENTRYPOINT ["/ncolony"]

FROM golang:1.26 AS build
ARG VERSION=dev
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
RUN CGO_ENABLED=0 go build -trimpath -ldflags "-s -w -X main.version=$VERSION" -o /out/ ./cmd/ncolony ./cmd/ncolony-ctl ./cmd/ncolony-heartcheck ./cmd/ncolony-log ./cmd/ncolony-probe ./cmd/ncolony-schedule ./cmd/ncolony-serve ./cmd/ncolony-top

FROM scratch
COPY --from=build /out/ncolony /out/ncolony-ctl /out/ncolony-heartcheck /out/ncolony-log /out/ncolony-probe /out/ncolony-schedule /out/ncolony-serve /out/ncolony-top /
ENV NCOLONY_ROOT=/var/lib/ncolony
ENTRYPOINT ["/ncolony"]
