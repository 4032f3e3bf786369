# What an engine is sent to build the image.
FROM scratch
COPY . /src
CMD ["-"]
