// Read a server's messages with the OpenIGTLink library and print one line for each:
// header version, type, device name, seconds, whether the CRC is right, and what it says.
//
//   read_stream HOST PORT SECONDS [QUERY]...
//
// The library of Debian knows header version 1. Of version 2 its functions read header, CRC and
// transform; extended header and metadata are read here, as the protocol describes them.

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <map>
#include <string>
#include <vector>

#include "igtlClientSocket.h"
#include "igtlMessageHeader.h"
#include "igtlPointMessage.h"
#include "igtlPolyDataMessage.h"
#include "igtlPositionMessage.h"
#include "igtlStatusMessage.h"
#include "igtlStringMessage.h"
#include "igtlTrackingDataMessage.h"
#include "igtlTransformMessage.h"
#include "igtl_header.h"
#include "igtl_transform.h"
#include "igtl_util.h"

typedef std::vector<unsigned char> Bytes;

static void print_matrix(igtl::Matrix4x4& m)
{
  for (int row = 0; row < 3; ++row)
    for (int column = 0; column < 4; ++column)
      std::printf(" %.9g", m[row][column]);
}

static unsigned long number(const unsigned char* at, int size)
{
  unsigned long value = 0;
  for (int i = 0; i < size; ++i)
    value = value << 8 | at[i];
  return value;
}

// A message of header version 1, by the library's class for its type.
template <class Message> static typename Message::Pointer unpacked(igtl::MessageHeader* header, const Bytes& body)
{
  typename Message::Pointer message = Message::New();
  message->SetMessageHeader(header);
  message->AllocatePack();
  std::memcpy(message->GetPackBodyPointer(), body.data(), body.size());
  bool right = message->Unpack(1) & igtl::MessageHeader::UNPACK_BODY;
  std::printf("%s", right ? "right" : "WRONG");
  return message;
}

static void print_version_1(igtl::MessageHeader* header, Bytes& body)
{
  std::string kind = header->GetDeviceType();
  if (kind == "TRANSFORM") {
    igtl::Matrix4x4 m;
    unpacked<igtl::TransformMessage>(header, body)->GetMatrix(m);
    print_matrix(m);
  } else if (kind == "STATUS") {
    igtl::StatusMessage::Pointer status = unpacked<igtl::StatusMessage>(header, body);
    std::printf(" %d %s|%s", status->GetCode(), status->GetErrorName(), status->GetStatusString());
  } else if (kind == "STRING") {
    std::printf(" %s", unpacked<igtl::StringMessage>(header, body)->GetString());
  } else if (kind == "POSITION") {
    igtl::PositionMessage::Pointer position = unpacked<igtl::PositionMessage>(header, body);
    float p[3], q[4];
    position->GetPosition(p);
    position->GetQuaternion(q);
    std::printf(" %g %g %g %g %g %g %g", p[0], p[1], p[2], q[0], q[1], q[2], q[3]);
  } else if (kind == "TDATA") {
    igtl::TrackingDataMessage::Pointer data = unpacked<igtl::TrackingDataMessage>(header, body);
    for (int i = 0; i < data->GetNumberOfTrackingDataElements(); ++i) {
      igtl::TrackingDataElement::Pointer one;
      igtl::Matrix4x4 m;
      data->GetTrackingDataElement(i, one);
      one->GetMatrix(m);
      std::printf(" %s %d", one->GetName(), one->GetType());
      print_matrix(m);
    }
  } else if (kind == "POINT") {
    igtl::PointMessage::Pointer points = unpacked<igtl::PointMessage>(header, body);
    for (int i = 0; i < points->GetNumberOfPointElement(); ++i) {
      igtl::PointElement::Pointer one;
      float p[3];
      points->GetPointElement(i, one);
      one->GetPosition(p);
      std::printf(" %s %g %g %g", one->GetName(), p[0], p[1], p[2]);
    }
  } else if (kind == "POLYDATA") {
    igtl::PolyDataMessage::Pointer surface = unpacked<igtl::PolyDataMessage>(header, body);
    std::printf(" %d %u", surface->GetPoints()->GetNumberOfPoints(),
                surface->GetPolygons()->GetNumberOfCells());
  }
}

// Extended header, content, index of metadata, metadata.
static void print_version_2(const std::string& kind, Bytes& body)
{
  unsigned long extended = number(&body[0], 2), index = number(&body[2], 2);
  unsigned long text = number(&body[4], 4);
  if (kind == "TRANSFORM") {
    float t[12];
    igtl::Matrix4x4 m;
    std::memcpy(t, &body[extended], sizeof t);
    igtl_transform_convert_byte_order(t);
    for (int i = 0; i < 12; ++i)
      m[i % 3][i / 3] = t[i];
    print_matrix(m);
  }
  if (index == 0)
    return;
  const unsigned char* entry = &body[body.size() - text - index];
  const char* at = reinterpret_cast<const char*>(entry + index);
  unsigned long count = number(entry, 2);
  for (entry += 2; count > 0; --count, entry += 8) {
    std::string key(at, number(entry, 2));
    at += key.size();
    std::string value(at, number(entry + 4, 4));
    at += value.size();
    std::printf(" %s=%s", key.c_str(), value.c_str());
  }
}

static void ask(igtl::ClientSocket* socket, const std::string& query)
{
  igtl::MessageBase::Pointer message;
  if (query == "STT_TDATA") {
    igtl::StartTrackingDataMessage::Pointer start = igtl::StartTrackingDataMessage::New();
    start->SetResolution(0);
    message = start.GetPointer();
  } else if (query == "GET_POLYDATA") {
    message = igtl::GetPolyDataMessage::New().GetPointer();
  } else if (query == "GET_POINT") {
    message = igtl::GetPointMessage::New().GetPointer();
  } else {
    std::fprintf(stderr, "unknown query %s\n", query.c_str());
    std::exit(2);
  }
  message->SetDeviceName("");
  message->Pack();
  socket->Send(message->GetPackPointer(), message->GetPackSize());
}

int main(int argc, char** argv)
{
  if (argc < 4)
    return 2;
  igtl::ClientSocket::Pointer socket = igtl::ClientSocket::New();
  if (socket->ConnectToServer(argv[1], std::atoi(argv[2])) != 0)
    return 3;
  for (int i = 4; i < argc; ++i)
    ask(socket, argv[i]);
  std::setvbuf(stdout, NULL, _IOLBF, 0);
  std::time_t end = std::time(NULL) + std::atoi(argv[3]);
  while (std::time(NULL) < end) {
    igtl::MessageHeader::Pointer header = igtl::MessageHeader::New();
    header->InitPack();
    int read = socket->Receive(header->GetPackPointer(), header->GetPackSize());
    if (read != header->GetPackSize())
      return 0;  // the server has ended
    igtl_header raw;
    std::memcpy(&raw, header->GetPackPointer(), sizeof raw);
    igtl_header_convert_byte_order(&raw);
    header->Unpack();
    Bytes body(raw.body_size);  // the class knows version 1 only, the structure both
    if (!body.empty() && socket->Receive(body.data(), body.size()) != static_cast<int>(body.size()))
      return 4;
    std::string kind(raw.name, strnlen(raw.name, sizeof raw.name));
    std::string device(raw.device_name, strnlen(raw.device_name, sizeof raw.device_name));
    unsigned int seconds = static_cast<unsigned int>(raw.timestamp >> 32);
    std::printf("%d %s %s %u ", raw.version, kind.c_str(), device.c_str(), seconds);
    if (raw.version == 1) {
      print_version_1(header, body);
    } else {
      std::printf("%s", crc64(body.data(), body.size(), 0) == raw.crc ? "right" : "WRONG");
      print_version_2(kind, body);
    }
    std::printf("\n");
  }
  return 0;
}
