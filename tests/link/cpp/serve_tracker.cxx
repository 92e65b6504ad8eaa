// Serve poses with the OpenIGTLink library as PLUS does, to one client after the other.
//
//   serve_tracker PORT transform   TRANSFORM
//   serve_tracker PORT tdata       TDATA, once STT_TDATA was received
//
// The needle moves by 1 mm along x per frame; every second run of 25 frames it is not seen.

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include "igtlMessageHeader.h"
#include "igtlOSUtil.h"
#include "igtlServerSocket.h"
#include "igtlTrackingDataMessage.h"
#include "igtlTransformMessage.h"

static bool send(igtl::Socket* socket, igtl::MessageBase* message, const char* name)
{
  igtl::TimeStamp::Pointer stamp = igtl::TimeStamp::New();
  stamp->GetTime();
  message->SetTimeStamp(stamp);
  message->SetDeviceName(name);
  message->Pack();
  return socket->Send(message->GetPackPointer(), message->GetPackSize()) == 1;
}

static bool sendTransform(igtl::Socket* socket, const char* name, igtl::Matrix4x4& matrix)
{
  igtl::TransformMessage::Pointer transform = igtl::TransformMessage::New();
  transform->SetMatrix(matrix);
  return send(socket, transform, name);
}

static void addElement(igtl::TrackingDataMessage* data, const char* name, igtl::Matrix4x4& matrix)
{
  igtl::TrackingDataElement::Pointer one = igtl::TrackingDataElement::New();
  one->SetName(name);
  one->SetType(igtl::TrackingDataElement::TYPE_6D);
  one->SetMatrix(matrix);
  data->AddTrackingDataElement(one);
}

// Read what has come; return whether it was STT_TDATA.
static bool receivesStart(igtl::Socket* socket, bool& connected)
{
  igtl::MessageHeader::Pointer header = igtl::MessageHeader::New();
  header->InitPack();
  const int size = socket->Receive(header->GetPackPointer(), header->GetPackSize());
  if (size < 0)  // nothing came in time
    return false;
  connected = size == header->GetPackSize();
  if (!connected)
    return false;
  header->Unpack();
  socket->Skip(header->GetBodySizeToRead(), 0);
  return std::strcmp(header->GetDeviceType(), "STT_TDATA") == 0;
}

int main(int argc, char** argv)
{
  if (argc != 3)
    return 2;
  const bool tdata = std::string(argv[2]) == "tdata";
  igtl::ServerSocket::Pointer server = igtl::ServerSocket::New();
  if (server->CreateServer(std::atoi(argv[1])) < 0)
    return 3;
  std::puts("listening");
  std::fflush(stdout);
  for (;;) {
    igtl::Socket::Pointer socket = server->WaitForConnection(20000).GetPointer();
    if (socket.IsNull())
      return 0;
    socket->SetReceiveTimeout(5);
    bool connected = true, started = !tdata;
    for (int number = 0; connected; ++number) {
      started = receivesStart(socket, connected) || started;
      igtl::Matrix4x4 needle = {
        {0.0f, -1.0f, 0.0f, 1.0f * number}, {1.0f, 0.0f, 0.0f, -20.0f}, {0.0f, 0.0f, 1.0f, 300.0f}, {0.0f, 0.0f, 0.0f, 1.0f}};
      igtl::Matrix4x4 reference = {
        {1.0f, 0.0f, 0.0f, 5.0f}, {0.0f, 1.0f, 0.0f, 6.0f}, {0.0f, 0.0f, 1.0f, 1500.5f}, {0.0f, 0.0f, 0.0f, 1.0f}};
      const bool seen = number / 25 % 2 == 0;
      if (!tdata) {
        connected = connected && (!seen || sendTransform(socket, "NeedleToTracker", needle)) &&
                    sendTransform(socket, "ReferenceToTracker", reference);
      } else if (started) {
        igtl::TrackingDataMessage::Pointer data = igtl::TrackingDataMessage::New();
        if (seen)
          addElement(data, "NeedleToTracker", needle);
        addElement(data, "ReferenceToTracker", reference);
        connected = connected && send(socket, data, "Tracker");
      }
      igtl::Sleep(15);
    }
    socket->CloseSocket();
  }
}
