# An image for a colony, with a spec that is copied and one that is added.
ARG IMAGE
FROM ${IMAGE}
COPY config/ /var/lib/ncolony/config/
RUN ["/ncolony", "ctl", "add", "added", "--cmd", "sleep", "--arg", "1000", "--env-inherit", "PATH"]
HEALTHCHECK --interval=1s --timeout=10s CMD ["/ncolony", "ctl", "wait", "copied", "added", "--now"]
