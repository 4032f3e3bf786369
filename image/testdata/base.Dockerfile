# The image under test with a shell in it.
ARG IMAGE
FROM ${IMAGE}
COPY busybox /bin/busybox
RUN ["/bin/busybox", "--install", "-s", "/bin"]
